"""Servers, model and a stub service under supervision, in this process."""

import io
import re
from collections.abc import Iterator
from pathlib import Path

import nats
import psycopg
import pytest

from lingxi_local.data_dir import AlreadyRunning
from lingxi_local.process import StartFailed
from lingxi_local.services import Service
from lingxi_local.system import LocalSystem
from tests.fixtures.servers import Servers, reachable_folder
from tests.fixtures.system import RunningSystem

STUBS = Path(__file__).parent / "stubs"
STUB = Service("chat", "lingxi_stub")


@pytest.fixture
def data_dir() -> Iterator[Path]:
    with reachable_folder() as folder:  # its path has spaces
        yield folder / "data"


@pytest.fixture(scope="module")
def shared() -> Iterator[RunningSystem]:
    """A system for tests that leave it as they found it."""
    with reachable_folder() as folder:
        env = {"PYTHONPATH": str(STUBS)}
        with RunningSystem(folder / "data", env=env, services=[STUB]) as running:
            yield running


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
        secrets = data_dir / "secrets.json"
        private = [secrets, data_dir / "nats" / "nats-server.conf"]
        assert [path.stat().st_mode & 0o777 for path in private] == [0o600, 0o600]
        generated = secrets.read_text()
    assert system.pids == {}
    async with system_at(data_dir, output) as system:
        with psycopg.connect(system.servers.database_urls["chat"]) as chat:
            assert chat.execute("select answer from kept").fetchone() == (42,)
        async with await nats.connect(system.servers.nats_admin_url) as client:
            await client.jetstream().stream_info("KEPT")
        assert secrets.read_text() == generated
    assert "chat       | stub: ready" in output.getvalue()


def test_postgres_is_durable_and_listens_on_loopback_only(shared: RunningSystem) -> None:
    with psycopg.connect(shared.local.servers.database_server_url) as admin:
        row = admin.execute(
            "select current_setting('fsync'), current_setting('synchronous_commit'),"
            " current_setting('unix_socket_directories'), current_setting('listen_addresses')"
        ).fetchone()
    assert row == ("on", "on", "", "127.0.0.1")


def test_an_owner_is_bounded_and_sees_its_own_database_only(shared: RunningSystem) -> None:
    url = shared.local.servers.database_urls["agent"]
    with psycopg.connect(url) as agent:
        row = agent.execute(
            "select current_user, current_setting('transaction_timeout'),"
            " current_setting('idle_in_transaction_session_timeout')"
        ).fetchone()
    assert row == ("lingxi_agent", "5s", "2s")
    with pytest.raises(psycopg.OperationalError, match="permission denied"):
        psycopg.connect(url.rsplit("/", 1)[0] + "/lingxi_chat")


async def test_a_crashed_service_and_a_crashed_server_come_back_named(
    shared: RunningSystem,
) -> None:
    said_before = len(shared.output)
    await shared.kill("chat", "postgres")
    with psycopg.connect(shared.local.servers.database_urls["chat"]) as chat:
        assert chat.execute("select 1").fetchone() == (1,)
    said = shared.output[said_before:]
    assert "lingxi     | chat crashed (killed by SIGKILL)" in said
    assert "lingxi     | postgres crashed (killed by SIGKILL)" in said


async def test_restart_is_graceful_and_no_crash(shared: RunningSystem) -> None:
    before, said_before = shared.pids, len(shared.output)
    await shared.restart("chat")
    assert {name for name, pid in shared.pids.items() if before[name] != pid} == {"chat"}
    assert "crashed" not in shared.output[said_before:]


async def test_a_second_system_on_the_same_data_is_refused(shared: RunningSystem) -> None:
    [data_dir] = shared.local.data_places
    with pytest.raises(AlreadyRunning, match=re.escape(shared.base_url)):
        await system_at(data_dir, io.StringIO()).start()
    await shared.wait_ready()


async def test_a_service_that_cannot_start_is_given_up_and_named(data_dir: Path) -> None:
    output = io.StringIO()
    system = system_at(data_dir, output, STUB="broken")
    with pytest.raises(StartFailed, match=r"^chat did not start: it ended 4 times, exit code 1"):
        await system.start()
    assert system.pids == {}
    assert "chat       | stub: this can't work" in output.getvalue()


async def test_given_servers_replace_the_embedded_ones(
    data_dir: Path, servers: Servers, nats_url: str
) -> None:
    env = {"DATABASE_URL": servers.postgres_url, "NATS_URL": nats_url}
    async with system_at(data_dir, io.StringIO(), **env) as system:
        assert set(system.pids) == {"simulator", "chat"}
        with psycopg.connect(system.servers.database_urls["gateway"]) as gateway:
            assert gateway.info.dbname == "lingxi_gateway"
        assert system.servers.nats_urls["chat"] == nats_url
        assert not (data_dir / "postgres").exists()
