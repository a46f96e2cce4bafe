"""A rebuilt read model is equal, row by row, and nothing appended meanwhile is missed."""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

import psycopg
import pytest
from psycopg.rows import TupleRow

from libs.chassis.tests.badges import (
    AT,
    READ_MODELS,
    Badge,
    BadgeLog,
    BadgeNamed,
    BadgePolished,
    BadgeWorn,
    Life,
    badge_log,
    create_tables,
    tables,
)
from libs.chassis.tests.test_eventlog_order import OneConnection
from lingxi_chassis.eventlog import Clause, Projection, Snapshot
from lingxi_chassis.ids import new_id
from lingxi_chassis.postgres import Connection, execute, fetch_one, open_pool
from lingxi_chassis.rebuild import RebuildBusy, read_models, rebuild_read_models
from lingxi_chassis.rebuild.folding import Batch
from lingxi_contracts.base import Event
from lingxi_contracts.errors import AgentNameTaken
from tests.fixtures.waiting import eventually

BATCHES = (1, 7, 10_000)


@pytest.fixture
def url(database_url: str) -> str:
    create_tables(database_url)
    return database_url


@pytest.fixture
async def log(url: str) -> AsyncIterator[BadgeLog]:
    async with open_pool(url) as pool:
        yield badge_log(pool)


def definitions(url: str) -> list[TupleRow]:
    """Tables, indexes and constraints, by name."""
    with psycopg.connect(url) as connection:
        return connection.execute(
            """
            select 'index', indexname, indexdef from pg_indexes where schemaname = 'public'
            union all
            select 'constraint', conname, conrelid::regclass || pg_get_constraintdef(oid)
            from pg_constraint where connamespace = 'public'::regnamespace
            union all
            select 'schema', nspname, '' from pg_namespace where nspname = 'rebuild'
            order by 1, 2, 3
            """
        ).fetchall()


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_read_models_are_equal_after_a_rebuild(log: BadgeLog, url: str, seed: int) -> None:
    """Guards the folds in batches: whatever the batch, with names that went from hand to hand."""
    life = Life(log, random.Random(seed))
    await life.live(120)
    before, defined = tables(url), definitions(url)
    assert all(len(rows) > 2 for rows in before.values())
    assert life.refused > 0
    for batch_rows in BATCHES:
        rebuilt = await rebuild_read_models(url, READ_MODELS, batch_rows)
        assert tables(url) == before, f"{batch_rows} rows a batch"
        assert rebuilt.tables == ("badges", "moods")
        assert rebuilt.events >= life.appends
    assert definitions(url) == defined


async def test_what_is_wrong_in_a_read_model_is_put_right(log: BadgeLog, url: str) -> None:
    """Guards the truth of the log: shows that the comparison above compares with a real rebuild."""
    await Life(log, random.Random(4)).live(60)
    before = tables(url)
    await execute(log.pool, "update badges set worn = 77", {})
    await execute(log.pool, "delete from moods where version > 2", {})
    await rebuild_read_models(url, READ_MODELS)
    assert tables(url) == before


async def test_erased_streams_are_absent(log: BadgeLog, url: str) -> None:
    """Guards blanked rows: all, some, or the tombstone alone with content leave nothing."""
    await Life(log, random.Random(5)).live(120)
    before = tables(url)
    erased = "select stream_id from streams where state is null"
    row = await fetch_one(log.pool, f"select count(*) from ({erased}) x", {})
    assert row is not None
    assert row[0] > 1
    for share in ("version = 1", "type <> 'badge_melted.v1'"):
        blank = f"update events set data = null where stream_id in ({erased}) and {share}"
        await execute(log.pool, blank, {})
        for batch_rows in BATCHES:
            await rebuild_read_models(url, READ_MODELS, batch_rows)
            assert tables(url) == before


@pytest.mark.parametrize("seed", [6, 7])
async def test_appends_go_on_during_rebuilds(log: BadgeLog, url: str, seed: int) -> None:
    """Guards the swap: what was appended before, during and after it is there, once.

    The names' constraint refuses as before, whichever table it stands on.
    """
    lives = [Life(log, random.Random(seed * 100 + number)) for number in range(4)]
    stop = asyncio.Event()

    async def go_on(life: Life) -> None:
        while not stop.is_set():
            await life.step()

    writing = [asyncio.create_task(go_on(life)) for life in lives]
    await eventually(lambda: sum(life.appends for life in lives) > 100)
    for batch_rows in (20, 200, 2_000):
        before = sum(life.appends for life in lives)
        rebuilt = await rebuild_read_models(url, READ_MODELS, batch_rows)
        assert rebuilt.events > 100
        await eventually(lambda before=before: sum(life.appends for life in lives) > before + 20)
    stop.set()
    await asyncio.gather(*writing)
    assert sum(life.refused for life in lives) > 0
    live = tables(url)
    await rebuild_read_models(url, READ_MODELS)
    assert tables(url) == live


async def open_append(log: BadgeLog, connection: psycopg.AsyncConnection) -> None:
    """An append that is not committed yet."""
    badge = log.new(new_id(), new_id())
    inside: BadgeLog = replace(log, pool=OneConnection(connection))
    await inside.append(badge, [BadgeNamed(name="late"), BadgeWorn(mood="late")], AT)


async def waits_for_streams(log: BadgeLog) -> bool:
    sql = "select 1 from pg_locks where not granted and relation = 'streams'::regclass"
    return await fetch_one(log.pool, sql, {}) is not None


async def test_an_append_under_way_is_waited_for(log: BadgeLog, url: str) -> None:
    """Guards the lock on `streams`: an open append holds the swap off, and is in the new tables."""
    await Life(log, random.Random(8)).live(20)
    async with await psycopg.AsyncConnection.connect(url) as connection:
        await open_append(log, connection)
        rebuilding = asyncio.create_task(rebuild_read_models(url, READ_MODELS))
        await eventually(lambda: waits_for_streams(log))
        assert not rebuilding.done()
        await connection.commit()
    await rebuilding
    assert "late" in [row[1] for row in tables(url)["badges"]]


@pytest.mark.parametrize("plans", ["force_custom_plan", "force_generic_plan"])
async def test_an_append_that_is_held_off_holds_nothing_that_it_reads(url: str, plans: str) -> None:
    """Guards the order of `_statement`: the swap, which holds `streams`, could not take what is
    read, and each would wait for the other."""
    reading = Clause("was", "select name from badges", {})
    async with (
        open_pool(url, 1) as pool,
        await psycopg.AsyncConnection.connect(url) as swap,
        asyncio.TaskGroup() as tasks,
    ):
        await execute(pool, f"set plan_cache_mode = {plans}", {})
        log = badge_log(pool)
        badge = log.new(new_id(), new_id())
        for mood in ("new", "known", "as before"):  # a plan is made once, and its locks taken anew
            badge, _ = await log.append_and_read(badge, [BadgeWorn(mood=mood)], AT, reading)
        await swap.execute(read_models.HOLD_OFF)
        last = log.append_and_read(badge, [BadgeWorn(mood="last")], AT, reading)
        appending = tasks.create_task(last)

        async def is_held_off() -> bool:
            sql = "select 1 from pg_locks where not granted and relation = 'streams'::regclass"
            return await (await swap.execute(sql)).fetchone() is not None

        await eventually(is_held_off)
        await swap.execute("lock table badges in access exclusive mode nowait")
        await swap.commit()
    _, read = appending.result()
    assert read == [("",)]


async def test_without_the_lock_it_would_be_missed(
    log: BadgeLog, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Shows that the test above tests something: the fold is over before the append's commit."""
    monkeypatch.setattr(read_models, "HOLD_OFF", b"select 1")
    monkeypatch.setattr(read_models, "LOCK_MS_MAX", 10_000)
    await Life(log, random.Random(8)).live(20)
    async with await psycopg.AsyncConnection.connect(url) as connection:
        await open_append(log, connection)
        rebuilding = asyncio.create_task(rebuild_read_models(url, READ_MODELS))

        async def waits_for_badges() -> bool:
            sql = "select 1 from pg_locks where not granted and relation = 'badges'::regclass"
            return await fetch_one(log.pool, sql, {}) is not None

        await eventually(waits_for_badges)
        await connection.commit()
    await rebuilding
    assert "late" not in [row[1] for row in tables(url)["badges"]]


async def test_a_reader_delays_the_swap_and_appends_go_on(log: BadgeLog, url: str) -> None:
    """Guards the lock timeout: who reads for long holds the swap off, not the appends."""
    life = Life(log, random.Random(9))
    await life.live(20)
    async with await psycopg.AsyncConnection.connect(url) as reader:
        await reader.execute("select * from badges")
        rebuilding = asyncio.create_task(rebuild_read_models(url, READ_MODELS))

        async def tried() -> bool:
            sql = "select 1 from pg_locks where not granted and relation = 'badges'::regclass"
            return await fetch_one(log.pool, sql, {}) is not None

        await eventually(tried)
        appends = life.appends
        async with asyncio.timeout(5):
            while life.appends < appends + 10:
                await life.step()
        assert not rebuilding.done()
    rebuilt = await rebuilding
    assert rebuilt.swap_tries > 1
    live = tables(url)
    await rebuild_read_models(url, READ_MODELS)
    assert tables(url) == live


async def test_names_change_hands_while_they_are_unique_again(
    log: BadgeLog, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards the second taking-off: two badges swap names between the index and the swap."""
    life = Life(log, random.Random(10))
    await life.live(20)
    mo, lu = [
        await log.append(log.new(new_id(), life.user_id), [BadgeNamed(name=name)], AT)
        for name in ("swap mo", "swap lu")
    ]
    original = read_models.Shadow.put_back_unique
    swapped: list[bool] = []

    async def put_back_then_swap_names(shadow: read_models.Shadow) -> None:
        nonlocal mo, lu
        await original(shadow)
        if not swapped:
            swapped.append(True)
            mo = await log.append(mo, [BadgeNamed(name="swap free")], AT)
            lu = await log.append(lu, [BadgeNamed(name="swap mo")], AT)
            mo = await log.append(mo, [BadgeNamed(name="swap lu")], AT)

    monkeypatch.setattr(read_models.Shadow, "put_back_unique", put_back_then_swap_names)
    defined = definitions(url)
    await rebuild_read_models(url, READ_MODELS)
    assert swapped == [True]
    names = {row[0]: row[1] for row in tables(url)["badges"]}
    assert (names[mo.stream_id], names[lu.stream_id]) == ("swap lu", "swap mo")
    assert definitions(url) == defined
    with pytest.raises(AgentNameTaken):
        await log.append(mo, [BadgeNamed(name="swap mo")], AT)


@pytest.mark.parametrize("handed_on", [1, 2])
async def test_names_change_hands_between_two_batches(
    log: BadgeLog, url: str, monkeypatch: pytest.MonkeyPatch, handed_on: int
) -> None:
    """Guards keys that are not unique yet: a batch shows who has a name now, an earlier one who
    had it. Of two times, the second one is seen before the lock, and only under it set right.
    """
    user_id = new_id()

    async def named(name: str, *more: Event) -> Snapshot[Badge]:
        badge = log.new(new_id(), user_id)
        return await log.append(badge, [BadgeNamed(name=name), *more], AT)

    holders = [await named("mo", BadgePolished()), await named("lu", BadgePolished())]
    taker = await named("ze")
    original = read_models.fold
    folds = 0

    async def hand_on_then_fold(
        connection: Connection, batch: Batch, projections: Sequence[Projection]
    ) -> None:
        nonlocal folds, taker
        folds += 1
        if 1 < folds <= 1 + handed_on:
            holder = holders.pop()
            name = BadgeNamed(name=holder.state.name)
            await log.append(holder, [BadgeNamed(name=f"free {folds}")], AT)
            taker = await log.append(taker, [name], AT)
        await original(connection, batch, projections)

    monkeypatch.setattr(read_models, "fold", hand_on_then_fold)
    defined = definitions(url)
    # The first batch holds the holders, the second one the taker: the rest, as far as it is known.
    await rebuild_read_models(url, READ_MODELS, 4)
    assert folds > handed_on
    names = {row[0]: row[1] for row in tables(url)["badges"]}
    assert names[taker.stream_id] == ("lu", "mo")[handed_on - 1]
    assert len(set(names.values())) == 3
    assert definitions(url) == defined


async def test_a_rebuild_that_dies_changes_nothing_and_is_begun_anew(
    log: BadgeLog, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards restarting, and that a dead rebuild leaves no copies."""
    await Life(log, random.Random(11)).live(60)
    before, defined = tables(url), definitions(url)

    async def die(_: read_models.Shadow) -> None:
        raise ConnectionResetError

    for step in ("put_back_unique", "analyze", "swap"):
        with monkeypatch.context() as patch:
            patch.setattr(read_models.Shadow, step, die)
            with pytest.raises(ConnectionResetError):
                await rebuild_read_models(url, READ_MODELS, 10)
        assert (tables(url), definitions(url)) == (before, defined)
    await rebuild_read_models(url, READ_MODELS)
    assert (tables(url), definitions(url)) == (before, defined)


async def test_one_rebuild_at_a_time(log: BadgeLog, url: str) -> None:
    """Guards the shadow schema: a second one would empty the first one's tables."""
    await Life(log, random.Random(12)).live(20)
    results = await asyncio.gather(
        *(rebuild_read_models(url, READ_MODELS, 1) for _ in range(2)), return_exceptions=True
    )
    assert [type(result) for result in results].count(RebuildBusy) == 1
    await rebuild_read_models(url, READ_MODELS)
