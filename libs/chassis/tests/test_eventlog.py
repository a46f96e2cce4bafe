"""Append: one statement that happens as a whole or not at all."""

import asyncio
from dataclasses import replace
from uuid import UUID

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from libs.chassis.tests.shelf import (
    AT,
    Shelf,
    ShelfBurned,
    ShelfLog,
    ThingPut,
    WeightsNoted,
    evolve,
    new_shelf,
    shelf_log,
)
from lingxi_chassis import context
from lingxi_chassis.eventlog import Clause, Conflict, GuardLost, Snapshot, again_on_conflict
from lingxi_chassis.eventlog.append import EVENT_BYTES_MAX
from lingxi_chassis.eventlog.schema import PUBLISHED_BYTES_MAX
from lingxi_chassis.ids import new_id
from lingxi_chassis.postgres import Pool, Row, execute, fetch_all, fetch_one, open_pool
from lingxi_contracts.base import Event
from lingxi_contracts.errors import AgentNameTaken, PayloadTooLarge, Unavailable


def put(name: str) -> ThingPut:
    return ThingPut(name=name)


async def rows(pool: Pool, stream_id: UUID) -> list[Row]:
    sql = (
        "select version, type, data, metadata from events where stream_id = %(stream_id)s"
        " order by xid, position"
    )
    return await fetch_all(pool, sql, {"stream_id": stream_id})


async def count(pool: Pool, table: str) -> int:
    row = await fetch_one(pool, f"select count(*) from {table}", {})
    assert row is not None
    return int(row[0])


async def test_an_append_moves_snapshot_log_and_read_model(
    shelves: ShelfLog, log_pool: Pool
) -> None:
    """Guards the statement: versions without gaps, in the order of the events, folded."""
    context.begin("correlation", "cause")
    one = await shelves.append(new_shelf(shelves), [put("a"), put("b")], AT)
    two = await shelves.append(one, [put("c")], AT)
    assert two == replace(one, version=3, state=Shelf(3, "c"))
    assert await shelves.load(two.stream_id, two.user_id) == two
    metadata = {"correlation_id": "correlation", "causation_id": "cause"}
    assert await rows(log_pool, two.stream_id) == [
        (version, "thing_put.v1", {"name": name}, metadata)
        for version, name in enumerate("abc", start=1)
    ]
    assert await count(log_pool, "things") == 3


async def test_no_events_do_nothing(shelves: ShelfLog, log_pool: Pool) -> None:
    """Guards repeated commands, which decide nothing."""
    snapshot = new_shelf(shelves)
    assert await shelves.append(snapshot, [], AT) == snapshot
    assert await count(log_pool, "streams") == 0


async def test_what_an_append_reads_is_what_it_was_decided_on(
    shelves: ShelfLog, log_pool: Pool
) -> None:
    """Guards `append_and_read`: all that was there before, nothing that it writes itself."""

    async def put_and_read(snapshot: Snapshot[Shelf], name: str, guard: Clause | None = None):
        return await shelves.append_and_read(snapshot, [put(name)], AT, reading, guard=guard)

    sql = "select version, name from things where stream_id = %(read_stream)s"
    new = new_shelf(shelves)
    reading = Clause("was", sql, {"read_stream": new.stream_id})
    one, before_one = await put_and_read(new, "a")
    two, before_two = await put_and_read(one, "b", Clause("held", "select 1"))
    three, before_three = await put_and_read(two, "c")
    assert before_one == [(None, None)]
    assert before_two == [(1, "a")]
    assert sorted(before_three) == [(1, "a"), (2, "b")]
    assert await shelves.load(new.stream_id, new.user_id) == three
    with pytest.raises(Conflict):
        await put_and_read(two, "d")


async def test_a_stale_snapshot_conflicts_and_leaves_no_trace(
    shelves: ShelfLog, log_pool: Pool
) -> None:
    """Guards compare-and-set on the version, with everything that hangs on it."""
    new = new_shelf(shelves)
    one = await shelves.append(new, [put("a")], AT)
    await shelves.append(one, [put("b")], AT)
    effect = Clause("claimed", "insert into claims select 1 from appended")
    for stale in (new, one):
        with pytest.raises(Conflict):
            await shelves.append(stale, [put("c")], AT, effects=[effect])
    assert [row[0] for row in await rows(log_pool, new.stream_id)] == [1, 2]
    assert await count(log_pool, "things") == 2
    assert await count(log_pool, "claims") == 0


async def test_another_users_stream_is_not_found_and_not_written(shelves: ShelfLog) -> None:
    """Guards 'mine only': a foreign id loads as an unknown one, and cannot be appended to."""
    one = await shelves.append(new_shelf(shelves), [put("a")], AT)
    stranger = new_id()
    assert await shelves.load(one.stream_id, stranger) is None
    with pytest.raises(Conflict):
        await shelves.append(replace(one, user_id=stranger), [put("b")], AT)


async def test_a_lost_guard_leaves_no_trace(shelves: ShelfLog, log_pool: Pool) -> None:
    """Guards guards: no event, no read model, no effect, for new and for known streams."""
    guard = Clause("held", "select 1 from claims where claim = 7 for update")
    effect = Clause("released", "delete from claims where exists (select from appended)")
    new = new_shelf(shelves)
    with pytest.raises(GuardLost):
        await shelves.append(new, [put("a")], AT, guard=guard, effects=[effect])
    assert await count(log_pool, "streams") == 0
    await execute(log_pool, "insert into claims values (7)", {})
    one = await shelves.append(new, [put("a")], AT, guard=guard, effects=[effect])
    assert await count(log_pool, "claims") == 0
    with pytest.raises(GuardLost):
        await shelves.append(one, [put("b")], AT, guard=guard, effects=[effect])
    assert await shelves.load(one.stream_id, one.user_id) == one


async def test_a_guard_that_writes_is_refused(shelves: ShelfLog, log_pool: Pool) -> None:
    """Guards against a guard whose writing would outlive the append's conflict."""
    guard = Clause("held", "delete from claims returning 1")
    with pytest.raises(AssertionError):
        await shelves.append(new_shelf(shelves), [put("a")], AT, guard=guard)
    assert await count(log_pool, "streams") == 0


async def test_a_unique_constraint_is_the_refusal_it_means(
    shelves: ShelfLog, log_pool: Pool
) -> None:
    """Guards `taken`: the read model decides, and nothing of the append stays."""
    one = await shelves.append(new_shelf(shelves), [put("a")], AT)
    with pytest.raises(AgentNameTaken):
        await shelves.append(one, [put("b"), put("a")], AT)
    assert len(await rows(log_pool, one.stream_id)) == 1
    assert await shelves.load(one.stream_id, one.user_id) == one


async def test_an_append_that_waits_too_long_is_unavailable(log_url: str) -> None:
    """Guards posts behind a long lock: clients try again, and nothing was written."""
    async with (
        open_pool(f"{log_url}?options=-c%20transaction_timeout%3D1s", size=1) as pool,
        await psycopg.AsyncConnection.connect(log_url) as holder,
    ):
        log = shelf_log(pool)
        one = await log.append(new_shelf(log), [put("a")], AT)
        await holder.execute("lock table streams in exclusive mode")
        with pytest.raises(Unavailable):
            await log.append(one, [put("b")], AT)
        await holder.rollback()
        assert (await log.append(one, [put("c")], AT)).version == 2


async def test_an_erased_stream_is_not_found(shelves: ShelfLog) -> None:
    """Guards erasure: no later command finds it, and its id is not free again."""
    one = await shelves.append(new_shelf(shelves), [put("a")], AT)
    await shelves.append(one, [ShelfBurned()], AT, erase=True)
    assert await shelves.load(one.stream_id, one.user_id) is None
    assert await shelves.exists(one.stream_id)
    with pytest.raises(Conflict):
        await shelves.append(shelves.new(one.stream_id, one.user_id), [put("b")], AT)


async def test_an_event_that_could_not_be_published_is_refused(
    shelves: ShelfLog, log_pool: Pool
) -> None:
    """Guards the bound: one row that NATS refuses would stop the relay for good.

    Postgres writes numbers without an exponent: 1e308 becomes 309 digits.
    """
    half = WeightsNoted(weights=(0.5,) * (EVENT_BYTES_MAX // len("0.5,") - 10))
    fits = await shelves.append(new_shelf(shelves), [half], AT)
    with pytest.raises(PayloadTooLarge):
        await shelves.append(fits, [put("x" * EVENT_BYTES_MAX)], AT)
    swelling = WeightsNoted(weights=(1e308,) * 5_000)
    assert len(swelling.model_dump_json()) < EVENT_BYTES_MAX
    with pytest.raises(PayloadTooLarge):
        await shelves.append(fits, [swelling], AT)
    row = await fetch_one(log_pool, "select max(octet_length(data::text)) from events", {})
    assert row is not None
    assert row[0] <= PUBLISHED_BYTES_MAX


async def test_conflicts_are_decided_again_but_not_for_ever(shelves: ShelfLog) -> None:
    """Guards the loop of every command: all of six writers get through; a hopeless one ends."""
    shelf = await shelves.append(new_shelf(shelves), [put("first")], AT)

    async def attempt(name: str) -> None:
        snapshot = await shelves.load(shelf.stream_id, shelf.user_id)
        assert snapshot is not None
        await shelves.append(snapshot, [put(name)], AT)

    await asyncio.gather(*(again_on_conflict(lambda n=n: attempt(f"thing {n}")) for n in range(3)))
    after = await shelves.load(shelf.stream_id, shelf.user_id)
    assert after is not None
    assert after.version == 4

    tries = 0

    async def hopeless() -> None:
        nonlocal tries
        tries += 1
        raise Conflict

    with pytest.raises(Unavailable):
        await again_on_conflict(hopeless)
    assert tries == 5


NAMES = st.text(st.characters(exclude_characters="\x00", exclude_categories=("Cs",)), max_size=20)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(batches=st.lists(st.lists(NAMES, min_size=1, max_size=4), min_size=1, max_size=5))
async def test_the_snapshot_equals_the_fold_of_the_log(
    shelves: ShelfLog, log_pool: Pool, batches: list[list[str]]
) -> None:
    """Guards O(1) appends: the row that commands decide on is the fold, whatever the texts."""
    snapshot = new_shelf(shelves)
    for batch_number, batch in enumerate(batches):
        events: list[Event] = [put(f"{batch_number} {n} {x}") for n, x in enumerate(batch)]
        snapshot = await shelves.append(snapshot, events, AT)
    folded = Shelf()
    for version, (logged_version, _, data, _) in enumerate(
        await rows(log_pool, snapshot.stream_id), start=1
    ):
        assert logged_version == version
        folded = evolve(folded, ThingPut.model_validate(data), AT)
    assert await shelves.load(snapshot.stream_id, snapshot.user_id) == replace(
        snapshot, state=folded
    )
