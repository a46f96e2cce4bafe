"""The pool on a real server: what is away is Unavailable, soon, and comes back by itself."""

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial

import psycopg
import pytest
from psycopg import DataError
from psycopg.conninfo import conninfo_to_dict

from lingxi_chassis import connections, postgres
from lingxi_chassis.clock import monotonic
from lingxi_chassis.connections import connect
from lingxi_chassis.postgres import Pool, execute, fetch_all, fetch_one, open_pool
from lingxi_contracts.errors import Unavailable
from lingxi_local.ports import LOOPBACK
from tests.fixtures.proxy import Proxy, proxy_to
from tests.fixtures.waiting import eventually

TRIES = 4
"""By then, pauses that double without a bound are eight seconds long."""
BACK_SECONDS_MAX = 4.0


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    async with open_pool(database_url, size=2) as pool:
        yield pool


async def test_statements_answer_with_rows_and_counts(pool: Pool) -> None:
    """Guards the helpers: rows, the first one or none, and how many were touched."""
    await execute(pool, "create table numbers (n int)", {})
    touched = await execute(
        pool, "insert into numbers select generate_series(1, %(most)s)", {"most": 3}
    )
    assert touched == 3
    assert await fetch_all(pool, "select n from numbers order by n", {}) == [(1,), (2,), (3,)]
    assert await fetch_one(pool, "select n from numbers where n > 9", {}) is None
    assert await fetch_all(pool, "delete from numbers", {}) == []


async def test_a_fault_of_ours_is_not_unavailable(pool: Pool) -> None:
    """Guards the difference: a wrong statement is a bug, and trying again does not help."""
    with pytest.raises(DataError):
        await fetch_all(pool, "select 1 / %(zero)s", {"zero": 0})
    assert await fetch_one(pool, "select 1", {}) == (1,)


async def test_a_statement_that_is_cut_off_is_unavailable(database_url: str) -> None:
    """Guards timeouts of the server: the caller may try again."""
    url = f"{database_url}?options=-c%20statement_timeout%3D50ms"
    async with open_pool(url, size=1) as pool:
        with pytest.raises(Unavailable):
            await fetch_all(pool, "select pg_sleep(5)", {})
        assert await fetch_one(pool, "select 1", {}) == (1,)


@pytest.mark.parametrize("run", [execute, fetch_all])
async def test_a_statement_that_waits_too_long_for_a_lock_is_unavailable(
    database_url: str, run: Callable[..., Awaitable[object]]
) -> None:
    """Guards the bound that our roles have, which the driver does not tell as an outage."""
    url = f"{database_url}?options=-c%20transaction_timeout%3D1s"
    async with open_pool(url, size=1) as pool:
        await execute(pool, "create table locked (n int)", {})
        async with await psycopg.AsyncConnection.connect(database_url) as holder:
            await holder.execute("lock table locked")
            with pytest.raises(Unavailable):
                await run(pool, "insert into locked values (1)", {})
        await execute(pool, "insert into locked values (2)", {})
        assert await fetch_all(pool, "select n from locked", {}) == [(2,)]


async def test_a_primary_that_is_none_any_more_is_unavailable_and_left(database_url: str) -> None:
    """Guards the way to the new primary: a connection that may only read is replaced."""
    async with open_pool(database_url, size=1) as pool:
        await execute(pool, "create table numbers (n int)", {})
        await execute(pool, "set default_transaction_read_only = on", {})
        with pytest.raises(Unavailable):
            await execute(pool, "insert into numbers values (1)", {})
        assert await execute(pool, "insert into numbers values (2)", {}) == 1


async def test_an_exhausted_pool_is_unavailable(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards the bound on waiting for a connection."""
    monkeypatch.setattr(postgres, "CHECKOUT_SECONDS_MAX", 0.1)
    async with open_pool(database_url, size=1) as pool:
        held = await pool.getconn(timeout=30.0)
        with pytest.raises(Unavailable):
            await fetch_one(pool, "select 1", {})
        await pool.putconn(held)
        assert await fetch_one(pool, "select 1", {}) == (1,)


def port_of(database_url: str) -> int:
    return int(database_url.rpartition("@")[2].partition("/")[0].rpartition(":")[2])


def behind(proxy: Proxy, database_url: str) -> str:
    host, _, database = database_url.rpartition("@")[2].partition("/")
    return database_url.replace(f"@{host}/{database}", f"@{LOOPBACK}:{proxy.port}/{database}")


async def test_a_server_that_died_is_unavailable_and_comes_back(database_url: str) -> None:
    """Guards broken connections: each is told as Unavailable and replaced."""
    async with (
        proxy_to(port_of(database_url)) as proxy,
        open_pool(behind(proxy, database_url), size=2) as pool,
    ):
        assert await fetch_one(pool, "select 1", {}) == (1,)
        proxy.cut()
        with pytest.raises(Unavailable):
            await fetch_one(pool, "select 1", {})

        async def back() -> bool:
            try:
                return await fetch_one(pool, "select 1", {}) == (1,)
            except Unavailable:
                return False

        await eventually(back)


async def test_a_pool_is_back_soon_after_its_server(database_url: str) -> None:
    """Guards against pauses between tries that grow as long as the server is away."""
    async with (
        proxy_to(port_of(database_url)) as proxy,
        open_pool(behind(proxy, database_url), size=1) as pool,
    ):

        async def serves() -> bool:
            try:
                return await fetch_one(pool, "select 1", {}) == (1,)
            except Unavailable:
                return False

        async def tried_for_long() -> bool:
            assert not await serves()
            return proxy.refused >= TRIES

        proxy.refuses = True
        proxy.cut()
        await eventually(tried_for_long)
        proxy.refuses = False
        began = monotonic()
        await eventually(serves)
        assert monotonic() - began < BACK_SECONDS_MAX


async def test_a_start_waits_for_its_server(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards the start of everything at once: a server that still starts is no reason to end."""
    monkeypatch.setattr(connections, "START_PAUSE_SECONDS", 0.05)
    async with proxy_to(port_of(database_url)) as proxy:
        proxy.refuses = True

        async def opened() -> object:
            async with open_pool(behind(proxy, database_url)) as pool:
                return await fetch_one(pool, "select 1", {})

        opening = asyncio.create_task(opened())
        await eventually(lambda: proxy.refused >= 3)
        proxy.refuses = False
        assert await opening == (1,)


async def test_a_server_that_is_not_there_fails_the_start(
    unused_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards the bound, and that the error says what is wrong."""
    monkeypatch.setattr(connections, "START_SECONDS_MAX", 0.5)
    with pytest.raises(ConnectionError, match=r"Postgres does not let us in: .*refused"):
        async with open_pool(f"postgresql://nobody@{LOOPBACK}:{unused_port}/none"):
            pytest.fail("connected")


@pytest.mark.skipif(sys.platform != "linux", reason="other kernels name it otherwise")
async def test_the_kernel_watches_every_connection(database_url: str) -> None:
    """Guards statements at a machine that was lost: they fail in seconds, not hours. Losing one
    takes networks; what the kernel was told is seen on the socket."""
    async with (
        open_pool(database_url, size=1) as pool,
        pool.connection() as pooled,
        connect(database_url) as alone,
    ):
        for connection in (pooled, alone):
            with socket.socket(fileno=os.dup(connection.fileno())) as seen:
                tcp = partial(seen.getsockopt, socket.IPPROTO_TCP)
                assert tcp(socket.TCP_USER_TIMEOUT) == 1000 * connections.SILENT_SECONDS_MAX
                probed = tcp(socket.TCP_KEEPIDLE) + tcp(socket.TCP_KEEPINTVL) * tcp(
                    socket.TCP_KEEPCNT
                )
                assert probed == connections.SILENT_SECONDS_MAX
                assert seen.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1


def test_what_a_url_says_stands() -> None:
    """Guards the operator's own bounds."""
    told = conninfo_to_dict(connections.conninfo("postgresql://a:b@c/d?connect_timeout=2"))
    assert told["connect_timeout"] == "2"
    assert told["tcp_user_timeout"] == "10000"
    assert (told["user"], told["password"], told["host"], told["dbname"]) == ("a", "b", "c", "d")
