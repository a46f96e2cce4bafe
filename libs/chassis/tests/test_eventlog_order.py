"""Order: what the relay publishes holds each stream's versions in order, whoever commits when."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

import psycopg
import pytest
from nats.aio.client import Client

from libs.chassis.tests.listening import holds_the_log, in_version_order, published, relaying
from libs.chassis.tests.shelf import AT, ShelfLog, ThingPut, new_shelf
from lingxi_chassis.bus import connect
from lingxi_chassis.eventlog import Clause, Conflict, append
from lingxi_chassis.postgres import Pool, fetch_one
from lingxi_chassis.relay.rows import Checkpoint, read_rows
from tests.fixtures.waiting import eventually

XID_CONDITION = b"and xid <= pg_current_xact_id()"


@pytest.fixture
async def nats(nats_url: str) -> AsyncIterator[Client]:
    async with connect(nats_url, "shelf") as client:
        yield client


class OneConnection:
    """A pool of the one connection whose transaction is open."""

    def __init__(self, connection: psycopg.AsyncConnection) -> None:
        self._connection = connection

    async def getconn(self) -> psycopg.AsyncConnection:
        return self._connection

    async def putconn(self, connection: psycopg.AsyncConnection) -> None:
        """It stays in its transaction."""

    @asynccontextmanager
    async def connection(self) -> AsyncGenerator[psycopg.AsyncConnection]:
        yield self._connection


def within(shelves: ShelfLog, connection: psycopg.AsyncConnection) -> ShelfLog:
    """The log, appending inside an open transaction."""
    return replace(shelves, pool=OneConnection(connection))


async def append_with_an_older_xid(shelves: ShelfLog, log_url: str) -> None:
    """A transaction takes its xid, another one appends and commits, then the first one appends."""
    async with await psycopg.AsyncConnection.connect(log_url) as early:
        await early.execute("select pg_current_xact_id()")
        one = await shelves.append(new_shelf(shelves), [ThingPut(name="first")], AT)
        await within(shelves, early).append(one, [ThingPut(name="second")], AT)


async def test_an_append_with_an_older_xid_is_refused(shelves: ShelfLog, log_url: str) -> None:
    """Guards the xid condition: such an event would be published before its predecessor."""
    with pytest.raises(Conflict):
        await append_with_an_older_xid(shelves, log_url)


async def test_without_the_xid_condition_the_order_is_wrong(
    shelves: ShelfLog, log_url: str, nats: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Shows that the test above tests something: take the condition out and the order breaks."""

    statement: Callable[..., bytes] = vars(append)["_statement"]

    def without(*parts: object) -> bytes:
        return statement(*parts).replace(XID_CONDITION, b"")

    assert XID_CONDITION in statement(False, None, (), None)
    monkeypatch.setattr(append, "_statement", without)
    await append_with_an_older_xid(shelves, log_url)
    async with relaying(log_url, nats):
        await holds_the_log(nats, log_url)
        assert not in_version_order(await published(nats))


@pytest.mark.parametrize("ends", ["commit", "rollback"])
async def test_what_is_read_is_of_the_version_whatever_comes_in_between(
    shelves: ShelfLog, log_pool: Pool, log_url: str, ends: str
) -> None:
    """Guards `append_and_read`: its snapshot is older than an append that it has to wait for."""
    one = await shelves.append(new_shelf(shelves), [ThingPut(name="before")], AT)
    sql = "select name from things where stream_id = %(read_stream)s"
    reading = Clause("was", sql, {"read_stream": one.stream_id})
    async with await psycopg.AsyncConnection.connect(log_url) as between:
        await within(shelves, between).append(one, [ThingPut(name="between")], AT)
        ours = shelves.append_and_read(one, [ThingPut(name="ours")], AT, reading)
        appending = asyncio.create_task(ours)

        async def waits() -> bool:
            waiting = "select 1 from pg_locks where not granted and locktype = 'transactionid'"
            return await fetch_one(log_pool, waiting, {}) is not None

        await eventually(waits)
        await getattr(between, ends)()
    if ends == "commit":
        with pytest.raises(Conflict):
            await appending
    else:
        appended, read = await appending
        assert (appended.version, read) == (2, [("before",)])


async def test_transactions_that_commit_in_the_other_order(
    shelves: ShelfLog, log_url: str, nats: Client
) -> None:
    """Guards the relay's horizon: the one that began first and commits last is not skipped."""
    async with (
        await psycopg.AsyncConnection.connect(log_url) as first,
        await psycopg.AsyncConnection.connect(log_url) as second,
        relaying(log_url, nats) as relay,
    ):
        await within(shelves, first).append(new_shelf(shelves), [ThingPut(name="1")], AT)
        await within(shelves, second).append(new_shelf(shelves), [ThingPut(name="2")], AT)
        await second.commit()
        await shelves.append(new_shelf(shelves), [ThingPut(name="3")], AT)
        relay.wake()
        async with await psycopg.AsyncConnection.connect(log_url) as reader:
            assert await read_rows(reader, Checkpoint("", 0, "0", 0), 10) == []
        await first.commit()
        await holds_the_log(nats, log_url)
        names = [(event.data or {})["name"] for event in await published(nats)]
    assert names == ["1", "2", "3"]


async def test_sixteen_writers_at_once(
    shelves: ShelfLog, log_pool: Pool, log_url: str, nats: Client
) -> None:
    """Guards all of it under load: complete, none twice, each stream in order. Every other writer
    takes its xid long before it appends."""
    shared = await shelves.append(new_shelf(shelves), [ThingPut(name="first")], AT)
    appended, conflicts = 1, 0

    async def put(log: ShelfLog, name: str) -> None:
        """On the shelf of all, as it is now."""
        snapshot = await shelves.load(shared.stream_id, shared.user_id)
        assert snapshot is not None
        await log.append(snapshot, [ThingPut(name=name)], AT)

    async def put_early(early: psycopg.AsyncConnection, name: str) -> None:
        """By a transaction that took its xid before somebody else's."""
        async with early.transaction():
            await early.execute("select pg_current_xact_id()")
            with suppress(Conflict):
                await put(shelves, f"{name} of another")
                counted(1)
            await put(within(shelves, early), name)

    def counted(events: int) -> None:
        nonlocal appended
        appended += events

    async def write(writer: int) -> None:
        nonlocal conflicts
        own = new_shelf(shelves)
        async with await psycopg.AsyncConnection.connect(log_url, autocommit=True) as early:
            for number in range(15):
                name = f"{writer} {number}"
                own = await shelves.append(
                    own, [ThingPut(name=name), ThingPut(name=f"{name} b")], AT
                )
                counted(2)
                try:
                    await (put_early(early, name) if writer % 2 else put(shelves, name))
                    counted(1)
                except Conflict:
                    conflicts += 1

    async with relaying(log_url, nats):
        await asyncio.gather(*(write(writer) for writer in range(16)))
        await holds_the_log(nats, log_url)
        events = await published(nats)
    assert conflicts > 0
    assert len(events) == appended
    assert len({event.id for event in events}) == len(events)
    assert in_version_order(events)
