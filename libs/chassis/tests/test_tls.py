"""TLS to NATS and Postgres, where it is configured: only to whom the certificate names, never
without it.

The embedded Postgres is built without TLS: a front that ends TLS stands before the real server.
What is tried here is the client, libpq.
"""

import asyncio
import ssl
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from pydantic import ValidationError
from structlog.testing import capture_logs

from lingxi_chassis import connections
from lingxi_chassis.bus import connect
from lingxi_chassis.migrations import migrate
from lingxi_chassis.postgres import fetch_one, open_pool
from lingxi_chassis.settings import ServiceSettings
from lingxi_chassis.tls import client_context
from lingxi_local.nats import NatsServer, RunningNats
from lingxi_local.ports import LOOPBACK, unused_port
from tests.fixtures.certificates import Authority, Certificate
from tests.fixtures.proxy import Proxy
from tests.fixtures.waiting import eventually

PASSWORDS = {"admin": "of-the-admin"}
SSL_REQUEST = (80877103).to_bytes(4)
SECONDS_MAX = 60.0


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"), "another")


@pytest.fixture(scope="module")
def nats_by_tls(
    authority: Authority, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[NatsServer]:
    """Its certificate is for 127.0.0.1, and it wants to see ours."""
    own = authority.certificate(LOOPBACK)
    tls = {
        "cert_file": str(own.cert_file),
        "key_file": str(own.key_file),
        "ca_file": str(authority.file),
        "verify": True,
    }
    folder = tmp_path_factory.mktemp("nats")
    server = NatsServer(folder, unused_port(), PASSWORDS, (), {"tls": tls})
    with RunningNats(server, folder / "log"):
        yield server


@pytest.fixture(scope="module")
def ours(authority: Authority) -> Certificate:
    return authority.certificate("lingxi")


def settings(url: str, **more: object) -> ServiceSettings:
    given: dict[str, Any] = {"NATS_URL": url, "LINGXI_INTERNAL_PORT": 0, **more}
    return ServiceSettings.model_validate(given)


async def refused(url: str, tls: ssl.SSLContext | None, why: str) -> None:
    """That there is no connection, and that this is why."""

    async def trying() -> None:
        async with connect(url, "chat", tls=tls):
            pytest.fail("connected")

    with capture_logs() as lines:
        attempt = asyncio.create_task(trying())
        await eventually(lambda: attempt.done() or why in str(lines), SECONDS_MAX)
        attempt.cancel()
        with suppress(asyncio.CancelledError, ConnectionError):
            await attempt
    assert why in str(lines)


@pytest.mark.parametrize("scheme", ["nats", "tls"])
async def test_nats_by_tls(
    nats_by_tls: NatsServer, authority: Authority, ours: Certificate, scheme: str
) -> None:
    given = settings(
        nats_by_tls.url("admin").replace("nats://", f"{scheme}://"),
        NATS_CA_FILE=str(authority.file),
        NATS_CERT_FILE=str(ours.cert_file),
        NATS_KEY_FILE=str(ours.key_file),
    )
    async with connect(given.nats_url, "chat", tls=given.nats_tls()) as client:
        assert client.is_connected
        assert client.jetstream()
        await client.flush()


async def test_a_nats_that_is_not_who_it_should_be(
    nats_by_tls: NatsServer, authority: Authority, stranger: Authority, ours: Certificate
) -> None:
    """Guards the name, the authority, and our own certificate."""
    url = nats_by_tls.url("admin")
    good = client_context(authority.file, ours.cert_file, ours.key_file)
    await refused(url.replace(LOOPBACK, "localhost"), good, "Hostname mismatch")
    of_another = client_context(stranger.file, ours.cert_file, ours.key_file)
    await refused(url, of_another, "CERTIFICATE_VERIFY_FAILED")
    await refused(url.replace("nats://", "tls://"), None, "CERTIFICATE_VERIFY_FAILED")


async def test_no_password_goes_to_a_nats_without_tls(authority: Authority) -> None:
    """Guards `TlsClient`: somebody who stands between says that no TLS is needed."""
    heard: list[bytes] = []

    async def pretend(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b'INFO {"server_id":"x","version":"2.15.0","max_payload":1048576}\r\n')
        heard.append(await reader.read(1000))
        writer.close()

    server = await asyncio.start_server(pretend, LOOPBACK, 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        url = f"nats://admin:of-the-admin@{LOOPBACK}:{port}"
        await refused(url, client_context(authority.file), "offers no TLS")
        await refused(url.replace("nats://", "tls://"), None, "offers no TLS")
        await eventually(lambda: len(heard) >= 2, SECONDS_MAX)
    assert b"".join(heard) == b""


def test_files_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="NATS_CA_FILE"):
        settings("nats://x", NATS_CA_FILE=str(tmp_path / "nothing"))


@asynccontextmanager
async def postgres_front(server_url: str, own: Certificate) -> AsyncGenerator[int]:
    """Ends TLS before a Postgres; the port. Who does not ask for TLS is sent away."""
    proxy = Proxy(_port_of(server_url))

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        begins = await reader.readexactly(8)
        if begins[4:] != SSL_REQUEST:
            writer.close()
            return
        writer.write(b"S")
        try:
            await writer.start_tls(own.server_context())
        except (OSError, ssl.SSLError):
            return
        await proxy.serve(reader, writer)

    server = await asyncio.start_server(accept, LOOPBACK, 0)
    async with server:
        yield server.sockets[0].getsockname()[1]
        proxy.cut()


def _port_of(url: str) -> int:
    port = urlsplit(url).port
    assert port is not None
    return port


async def test_postgres_by_tls(
    database_url: str,
    authority: Authority,
    stranger: Authority,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Guards that `sslmode` and its kin in the URL reach libpq."""
    own = authority.certificate(LOOPBACK)
    port = _port_of(database_url)
    async with postgres_front(database_url, own) as front:
        url = database_url.replace(f":{port}/", f":{front}/")
        verified = f"{url}?sslmode=verify-full&sslrootcert={authority.file}"
        async with open_pool(verified, 1) as pool:
            assert await fetch_one(pool, "select 1", {}) == (1,)
            async with pool.connection() as connection:
                assert connection.pgconn.ssl_in_use
        await asyncio.to_thread(migrate, verified, tmp_path)
        monkeypatch.setattr(connections, "START_SECONDS_MAX", 0.0)
        for wrong in (
            verified.replace(LOOPBACK, "localhost"),
            f"{url}?sslmode=verify-full&sslrootcert={stranger.file}",
            # A server that has no TLS is no server.
            f"{database_url}?sslmode=verify-full&sslrootcert={authority.file}",
        ):
            with pytest.raises(psycopg.OperationalError, match=r"certificate|SSL"):
                await psycopg.AsyncConnection.connect(wrong)
            with pytest.raises(ConnectionError, match=r"certificate|SSL"):
                async with open_pool(wrong, 1):
                    pytest.fail("connected")
