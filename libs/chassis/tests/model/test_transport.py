"""The lean HTTP transport against servers that play by the rules, and that do not."""

import asyncio
import ssl
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from lingxi_chassis.model.connection import HEAD_BYTES_MAX, UNREAD_BYTES_MAX
from lingxi_chassis.model.transport import LeanTransport
from lingxi_chassis.model.wire import proxied
from tests.fixtures.waiting import eventually

CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


@dataclass
class Server:
    """Answers its n-th request with the n-th script; an empty script closes the connection."""

    scripts: Sequence[bytes]
    port: int = 0
    requests: list[bytes] = field(default_factory=list[bytes])
    connections: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while len(self.requests) < len(self.scripts):
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length:")[2].split(b"\r")[0] or 0)
                script = self.scripts[len(self.requests)]
                self.requests.append(head + await reader.readexactly(length))
                writer.write(script)
                await writer.drain()
                if not script or b"length" not in script:
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def serving(
    *scripts: bytes, tls: ssl.SSLContext | None = None
) -> AsyncGenerator[tuple[Server, httpx2.AsyncClient]]:
    server = Server(scripts)
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=tls)
    server.port = listening.sockets[0].getsockname()[1]
    client = httpx2.AsyncClient(
        transport=LeanTransport(), base_url=f"http://127.0.0.1:{server.port}", timeout=2.0
    )
    async with listening, client:
        yield server, client


async def test_bodies_of_each_kind_of_length() -> None:
    chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nlength: no\r\n\r\n"
    async with serving(
        OK,
        chunked + b"2\r\nch\r\n4\r\nunks\r\n0\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nlate",
        b"HTTP/1.1 200 OK\r\n\r\nuntil the end",
    ) as (server, client):
        bodies = [(await client.post("/x", content=b"question")).text for _ in range(4)]
        assert bodies == ["ok", "chunks", "late", "until the end"]
        assert server.connections == 1
        assert server.requests[0].startswith(b"POST /x HTTP/1.1\r\n")
        assert server.requests[0].endswith(b"\r\n\r\nquestion")


async def test_a_connection_that_died_idle_is_replaced() -> None:
    async with serving(OK, b"", OK) as (server, client):
        assert (await client.post("/", content=b"1")).text == "ok"
        assert (await client.post("/", content=b"2")).text == "ok"
        assert server.connections == 2


@pytest.mark.parametrize(
    ("script", "error"),
    [
        (b"", httpx2.ReadError),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf", httpx2.ReadError),
        (CHUNKED + b"9\r\nhalf", httpx2.ReadError),
        (
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
            httpx2.RemoteProtocolError,
        ),
        (b"SSH-2.0 no length\r\n\r\n", httpx2.RemoteProtocolError),
        (b"HTTP/1.1 200 OK\r\nx: " + b"x" * (HEAD_BYTES_MAX * 2), httpx2.RemoteProtocolError),
        (OK + OK, httpx2.RemoteProtocolError),
    ],
)
async def test_broken_answers_are_errors(script: bytes, error: type[Exception]) -> None:
    # The last request's answer ends the connection, so a body cut short is seen as such.
    async with serving(script) as (_, client):
        with pytest.raises(error):
            await client.post("/", content=b"x")


async def test_an_unread_answer_is_not_taken_in_whole() -> None:
    size = 64 * UNREAD_BYTES_MAX
    head = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size
    async with serving(head + b"x" * size) as (_, client), client.stream("POST", "/") as answer:
        parts = answer.aiter_raw()
        taken = len(await anext(parts))
        assert taken < size // 2
        async for part in parts:
            assert len(part) < size // 2
            taken += len(part)
        assert taken == size


async def test_leaving_an_answer_early_ends_the_connection() -> None:
    head = b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n"
    async with serving(head + b"x", OK) as (server, client):
        async with client.stream("POST", "/", content=b"x") as answer:
            assert await anext(answer.aiter_raw()) == b"x"
        assert (await client.post("/", content=b"x")).text == "ok"
        await eventually(lambda: server.connections == 2)


async def test_what_would_break_the_request_is_refused() -> None:
    async with serving(OK) as (server, client):
        with pytest.raises(httpx2.LocalProtocolError):
            await client.post("/", content=b"x", headers={"authorization": "a\r\nb: c"})
        with pytest.raises(httpx2.UnsupportedProtocol):
            await client.post("/", content=b"x", headers={"transfer-encoding": "chunked"})
        assert server.requests == []


async def test_tls_is_verified(tmp_path: Path) -> None:
    server_tls, trusting = _contexts(tmp_path)
    async with serving(OK, OK, tls=server_tls) as (server, client):
        url = f"https://localhost:{server.port}/"
        with pytest.raises(httpx2.ConnectError):
            await client.post(url, content=b"x")
        async with httpx2.AsyncClient(transport=LeanTransport(trusting)) as knowing:
            assert (await knowing.post(url, content=b"x")).text == "ok"
            wrong_name = f"https://127.0.0.1:{server.port}/"
            with pytest.raises(httpx2.ConnectError):
                await knowing.post(wrong_name, content=b"x")


def _contexts(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's context for "localhost", and a client's that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    both = folder / "both.pem"
    plain = serialization.NoEncryption()
    form = serialization.PrivateFormat.PKCS8
    both.write_bytes(pem + key.private_bytes(serialization.Encoding.PEM, form, plain))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(both)
    return server, ssl.create_default_context(cadata=pem.decode())


def test_aproxied_url_is_left_to_the_sdks_own_client(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "ALL_PROXY", "NO_PROXY",
                 "HTTP_PROXY", "HTTPS_PROXY"):  # fmt: skip
        monkeypatch.delenv(name, raising=False)
    assert not proxied("https://api.example.com/v1")
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "localhost,127.0.0.1")
    assert proxied("https://api.example.com/v1")
    assert not proxied("http://api.example.com/v1")
    assert not proxied("https://127.0.0.1:8000/v1")
