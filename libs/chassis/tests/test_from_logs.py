"""Hearing a log from its beginning: every event that is wanted, once, in pages that are bounded."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import pytest
from nats.aio.client import Client

from libs.chassis.tests.clerk import QUICK, Seen
from libs.chassis.tests.shelf import OWNER
from lingxi_chassis.bus import connect
from lingxi_chassis.consumers import FromLogs, Subscriptions, from_logs
from lingxi_chassis.postgres import Pool, execute, fetch_all
from lingxi_chassis.relay.pages import SCANNED_ROWS_MAX, read_log
from lingxi_chassis.rpc import ANSWER_BYTES_MAX, RpcClient, RpcServer
from lingxi_chassis.tasks import in_background
from lingxi_contracts.envelope import Envelope
from lingxi_contracts.errors import SessionNotFound, Unavailable
from lingxi_contracts.reading import LogPage, LogPlace, ReadLog
from tests.fixtures.waiting import eventually

EVENTS = 2 * SCANNED_ROWS_MAX + 100
PUT = ReadLog(names=("thing_put",))
HEARD_SECONDS_MAX = 60.0


async def fill(pool: Pool, events: int = EVENTS, chars: int = 10) -> list[UUID]:
    """A log in which every second event is a thing put, and every tenth is erased; the ids of the
    things that were put and not erased, in order."""
    await execute(
        pool,
        """
        insert into events (event_id, stream_id, version, type, user_id, occurred_at, data)
        select gen_random_uuid(), gen_random_uuid(), 1,
               case when n %% 2 = 0 then 'thing_put.v1' else 'weights_noted.v1' end,
               gen_random_uuid(), now(),
               case when n %% 10 <> 0 then jsonb_build_object('name', repeat('x', %(chars)s)) end
        from generate_series(1, %(events)s) n
        """,
        {"events": events, "chars": chars},
    )
    wanted = "select event_id from events where type = 'thing_put.v1' and data is not null"
    return [row[0] for row in await fetch_all(pool, f"{wanted} order by xid, position", {})]


async def pages(pool: Pool) -> list[LogPage]:
    found = [await read_log(pool, OWNER, PUT)]
    while (after := found[-1].next_after) is not None:
        found.append(await read_log(pool, OWNER, PUT.model_copy(update={"after": after})))
    return found


@pytest.mark.parametrize(("events", "chars"), [(EVENTS, 10), (60, 40_000), (4, 500_000)])
async def test_pages_tell_all_in_order_within_their_bounds(
    log_pool: Pool, events: int, chars: int
) -> None:
    ids = await fill(log_pool, events, chars)
    found = await pages(log_pool)
    assert [event.id for page in found for event in page.events] == ids
    assert len(found) > 1 or events < SCANNED_ROWS_MAX
    assert all(len(page.model_dump_json()) <= ANSWER_BYTES_MAX for page in found)
    assert all(event.data and event.source == f"/lingxi/{OWNER}" for event in found[0].events)


async def test_a_log_that_holds_nothing_has_one_page(log_pool: Pool) -> None:
    assert await pages(log_pool) == [LogPage(events=(), next_after=None)]


@pytest.mark.parametrize("place", [{"xid": "-1"}, {"xid": "1; drop"}, {"position": -1}])
def test_a_place_that_no_owner_named_is_none(place: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="validation error"):
        LogPlace.model_validate(place)


@asynccontextmanager
async def owner(nats: Client, pool: Pool) -> AsyncGenerator[None]:
    """The owner of the log answers."""
    server = RpcServer(nats, OWNER)
    await server.serve(ReadLog, lambda question: read_log(pool, OWNER, question))
    yield
    await server.finish()


@pytest.fixture
async def nats(nats_url: str) -> AsyncGenerator[Client]:
    async with connect(nats_url, "tester") as nats:
        yield nats


@asynccontextmanager
async def hearing(
    nats: Client, pool: Pool, handle: Seen, on_done: Callable[[], None] = lambda: None
) -> AsyncGenerator[FromLogs]:
    """A service that hears of things put, in no other way than from the log."""
    died: list[str] = []
    subscriptions = Subscriptions("clerk", nats, lambda: died.append("clerk"))
    subscriptions.on(OWNER, ["thing_put"], "count", handle, QUICK)
    learning = FromLogs(pool, RpcClient(nats), subscriptions, on_done)
    async with in_background(learning.run(), "hearing", lambda: died.append("hearing")):
        yield learning
    assert died == []


@pytest.fixture
async def clerk_pool(log_pool: Pool) -> Pool:
    """The clerk's own table, in the same database."""
    for statement in (*from_logs.CREATE, "create table learned (event_id uuid)"):
        await execute(log_pool, statement, {})
    return log_pool


async def test_all_is_heard_once_whatever_is_away_or_breaks_meanwhile(
    nats: Client, clerk_pool: Pool
) -> None:
    ids = await fill(clerk_pool)
    told: list[str] = []
    broken = {ids[3]: SessionNotFound(), ids[5]: ValueError("ours")}

    def away_at_first(event: Envelope) -> None:
        if event.id == ids[-1] and seen.ids.count(event.id) == 1:
            raise Unavailable
        if event.id in broken:
            raise broken[event.id]

    seen = Seen(away_at_first)
    async with hearing(nats, clerk_pool, seen, lambda: told.append("done")) as learning:
        assert not await learning.done()
        async with owner(nats, clerk_pool):
            await eventually(lambda: bool(told), HEARD_SECONDS_MAX)
        assert await learning.done()
    assert set(seen.ids) == set(ids)
    assert seen.ids.count(ids[-1]) == 2

    again = Seen()
    async with owner(nats, clerk_pool), hearing(nats, clerk_pool, again) as learning:
        await eventually(learning.done, HEARD_SECONDS_MAX)
    assert again.ids == []


async def test_hearing_again_begins_with_nothing_and_takes_no_step_of_the_last_round(
    nats: Client, clerk_pool: Pool
) -> None:
    """Guards `round`: a page that was under way when all was emptied does not count any more."""
    ids = await fill(clerk_pool, 40)

    async def keep(event: Envelope) -> None:
        if not begun_again:
            begun_again.append(event.id)
            await learning.begin_again(["learned"])
        sql = "insert into learned values (%(id)s)"
        await execute(clerk_pool, sql, {"id": event.id})

    begun_again: list[UUID] = []
    seen = Seen(keep)
    async with owner(nats, clerk_pool), hearing(nats, clerk_pool, seen) as learning:
        await eventually(learning.done, HEARD_SECONDS_MAX)
    assert set(ids) <= {row[0] for row in await fetch_all(clerk_pool, "select * from learned", {})}
    assert len(seen.ids) == 2 * len(ids)
    assert await fetch_all(clerk_pool, "select round from heard_logs", {}) == [(2,)]
