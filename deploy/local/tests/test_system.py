"""Servers, model and a stub service under supervision, in this process."""

import io
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import nats
import psycopg
import pytest

from lingxi_local.data_dir import AlreadyRunning
from lingxi_local.process import StartFailed
from lingxi_local.services import Service
from lingxi_local.system import LocalSystem
from tests.fixtures.servers import reachable_folder
from tests.fixtures.waiting import eventually

STUBS = Path(__file__).parent / "stubs"
STUB = Service("chat", "lingxi_stub")


@pytest.fixture
def data_dir() -> Iterator[Path]:
    with reachable_folder() as folder:  # its path has spaces
        yield folder / "data"


def system_at(data_dir: Path, output: io.StringIO, **env: str) -> LocalSystem:
    with_stubs = {"PYTHONPATH": str(STUBS), **env}
    return LocalSystem(data_dir, env=with_stubs, output=output, services=[STUB])


async def test_what_was_written_is_there_at_the_next_start(data_dir: Path) -> None:
    output = io.StringIO()
    async with system_at(data_dir, output) as system:
        assert set(system.pids) == {"postgres", "nats", "simulator", "chat"}
        with psycopg.connect(system.servers.database_urls["chat"]) as chat:
            chat.execute("create table kept as select 42 as answer")
        async with await nats.connect(system.servers.nats_admin_url) as client:
            await client.jetstream().add_stream(name="KEPT", subjects=["kept.>"])
    assert system.pids == {}
    async with system_at(data_dir, output) as system:
        with psycopg.connect(system.servers.database_urls["chat"]) as chat:
            assert chat.execute("select answer from kept").fetchone() == (42,)
        async with await nats.connect(system.servers.nats_admin_url) as client:
            await client.jetstream().stream_info("KEPT")
    assert "chat       | stub: ready" in output.getvalue()


async def test_postgres_is_durable_and_listens_on_loopback_only(data_dir: Path) -> None:
    async with system_at(data_dir, io.StringIO()) as system:
        with psycopg.connect(system.servers.database_server_url) as admin:
            row = admin.execute(
                "select current_setting('fsync'), current_setting('synchronous_commit'),"
                " current_setting('unix_socket_directories'), current_setting('listen_addresses')"
            ).fetchone()
    assert row == ("on", "on", "", "127.0.0.1")


async def test_an_owner_is_bounded_and_sees_its_own_database_only(data_dir: Path) -> None:
    async with system_at(data_dir, io.StringIO()) as system:
        url = system.servers.database_urls["agent"]
        with psycopg.connect(url) as agent:
            row = agent.execute(
                "select current_user, current_setting('transaction_timeout'),"
                " current_setting('idle_in_transaction_session_timeout')"
            ).fetchone()
        assert row == ("lingxi_agent", "5s", "2s")
        with pytest.raises(psycopg.OperationalError, match="permission denied"):
            psycopg.connect(url.rsplit("/", 1)[0] + "/lingxi_chat")


async def test_a_crashed_service_and_a_crashed_server_come_back_named(data_dir: Path) -> None:
    output = io.StringIO()
    async with system_at(data_dir, output) as system:
        before = system.pids
        system.kill(["chat", "postgres"])
        await eventually(lambda: {"chat", "postgres"} <= _changed(before, system.pids))
        await system.wait_ready()
        with psycopg.connect(system.servers.database_urls["chat"]) as chat:
            assert chat.execute("select 1").fetchone() == (1,)
    assert "lingxi     | chat crashed (killed by SIGKILL)" in output.getvalue()
    assert "lingxi     | postgres crashed (killed by SIGKILL)" in output.getvalue()


async def test_restart_is_graceful_and_no_crash(data_dir: Path) -> None:
    output = io.StringIO()
    async with system_at(data_dir, output) as system:
        before = system.pids
        await system.restart("chat")
        assert _changed(before, system.pids) == {"chat"}
    assert "crashed" not in output.getvalue()


async def test_a_service_that_cannot_start_is_given_up_and_named(data_dir: Path) -> None:
    output = io.StringIO()
    system = system_at(data_dir, output, STUB="broken")
    with pytest.raises(StartFailed, match=r"^chat did not start: it ended 4 times, exit code 1"):
        await system.start()
    assert system.pids == {}
    assert "chat       | stub: this can't work" in output.getvalue()


async def test_a_second_system_on_the_same_data_is_refused(data_dir: Path) -> None:
    async with system_at(data_dir, io.StringIO()) as first:
        with pytest.raises(AlreadyRunning, match=re.escape(first.base_url)):
            await system_at(data_dir, io.StringIO()).start()
        await first.wait_ready()


async def test_secrets_are_private_and_stay(data_dir: Path) -> None:
    async with system_at(data_dir, io.StringIO()):
        private = [data_dir / "secrets.json", data_dir / "nats" / "nats-server.conf"]
        assert [path.stat().st_mode & 0o777 for path in private] == [0o600, 0o600]
        secrets = private[0].read_text()
    async with system_at(data_dir, io.StringIO()):
        assert private[0].read_text() == secrets


async def test_given_servers_replace_the_embedded_ones(
    data_dir: Path, servers_apart: tuple[str, str]
) -> None:
    database_url, nats_url = servers_apart
    env = {"DATABASE_URL": database_url, "NATS_URL": nats_url}
    async with system_at(data_dir, io.StringIO(), **env) as system:
        assert set(system.pids) == {"simulator", "chat"}
        with psycopg.connect(system.servers.database_urls["gateway"]) as gateway:
            assert gateway.info.dbname == "lingxi_gateway"
        assert system.servers.nats_urls["chat"] == nats_url
        assert not (data_dir / "postgres").exists()


@pytest.fixture
async def servers_apart() -> AsyncIterator[tuple[str, str]]:
    """Servers that another system runs: its superuser's URL and its administrator's."""
    with reachable_folder() as folder:
        async with system_at(folder / "other", io.StringIO()) as other:
            yield other.servers.database_server_url, other.servers.nats_admin_url


def _changed(before: dict[str, int], after: dict[str, int]) -> set[str]:
    return {name for name, pid in after.items() if before.get(name) != pid}
