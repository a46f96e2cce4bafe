"""Snapshots are the fold of the log, and a rebuild makes them so."""

import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import replace

import psycopg
import pytest

from libs.chassis.tests.badges import (
    AT,
    EVENTS,
    TOMBSTONES,
    BadgeLog,
    BadgeNamed,
    BadgePolished,
    BadgeWorn,
    Life,
    badge_log,
    create_tables,
)
from libs.chassis.tests.test_eventlog_order import OneConnection
from lingxi_chassis.ids import new_id
from lingxi_chassis.postgres import Row, execute, fetch_all, open_pool
from lingxi_chassis.rebuild import rebuild_snapshots, snapshots
from tests.fixtures.waiting import eventually

COMMAND_SECONDS_MAX = 60.0


@pytest.fixture
async def log(database_url: str) -> AsyncIterator[BadgeLog]:
    create_tables(database_url)
    async with open_pool(database_url) as pool:
        yield badge_log(pool)


@pytest.fixture(autouse=True)
def no_long_commands(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands here take milliseconds."""
    monkeypatch.setattr(snapshots, "IN_FLIGHT_SECONDS", 0.1)


async def rows(log: BadgeLog) -> list[Row]:
    return await fetch_all(
        log.pool, "select stream_id, user_id, version, xid::text, state from streams order by 1", {}
    )


@pytest.mark.parametrize("seed", [1, 2])
async def test_snapshots_equal_the_fold(
    log: BadgeLog, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards O(1) appends: nothing differs, whatever pages and batches the fold is read in."""
    life = Life(log, random.Random(seed))
    await life.live(150)
    for page_rows, batch_streams in ((1, 1), (7, 3), (500, 200)):
        monkeypatch.setattr(snapshots, "PAGE_ROWS", page_rows)
        monkeypatch.setattr(snapshots, "BATCH_STREAMS", batch_streams)
        refolded = await rebuild_snapshots(log, EVENTS, TOMBSTONES)
        assert (refolded.replaced, refolded.unsettled) == (0, 0)
        assert refolded.streams == len(await rows(log))
        assert refolded.events >= life.appends


async def test_what_differs_is_replaced(log: BadgeLog) -> None:
    """Guards the truth of the log: state, version, user, tombstone, and rows that are missing."""
    await Life(log, random.Random(3)).live(150)
    before = await rows(log)
    erased = [row for row in before if row[4] is None]
    living = [row for row in before if row[4] is not None]
    damages = (
        (
            'update streams set state = \'{"name": "x", "worn": 0}\' where stream_id = %(id)s',
            living,
        ),
        ("update streams set version = 1, xid = '3' where stream_id = %(id)s", living),
        ("update streams set user_id = stream_id where stream_id = %(id)s", living),
        ("delete from streams where stream_id = %(id)s", living),
        ("delete from streams where stream_id = %(id)s", erased),
        ("update streams set state = '{}' where stream_id = %(id)s", erased),
    )
    for damage, among in damages:
        damaged = max(among, key=lambda row: row[2])
        await execute(log.pool, damage, {"id": damaged[0]})
        assert await rows(log) != before
        assert (await rebuild_snapshots(log, EVENTS, TOMBSTONES)).replaced == 1, damage
        assert await rows(log) == before, damage


async def test_snapshots_of_blanked_streams_stay_erased(log: BadgeLog) -> None:
    """Guards erasure: no content, no state, and no tombstone needed to know it."""
    await Life(log, random.Random(4)).live(150)
    before = await rows(log)
    erased = "select stream_id from streams where state is null"
    await execute(log.pool, f"update events set data = null where stream_id in ({erased})", {})
    assert (await rebuild_snapshots(log, EVENTS, TOMBSTONES)).replaced == 0
    assert await rows(log) == before


async def test_a_new_evolve_comes_into_effect_while_appends_go_on(
    log: BadgeLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards the replacement bound to the version, and the passes: no append is undone, and none
    that was decided on an old state keeps it.
    """
    lives = [Life(log, random.Random(seed)) for seed in range(50, 54)]
    stop = asyncio.Event()
    commands = [0] * len(lives)

    async def go_on(number: int) -> None:
        while not stop.is_set():
            await lives[number].step()
            commands[number] += 1

    async def commands_end() -> None:
        before = list(commands)
        await eventually(lambda: all(map(int.__gt__, commands, before)), COMMAND_SECONDS_MAX)

    # Commands here may take as long as they like: it is known when they are over.
    monkeypatch.setattr(snapshots, "commands_end", commands_end)
    writing = [asyncio.create_task(go_on(number)) for number in range(len(lives))]
    await eventually(lambda: sum(life.appends for life in lives) > 100)
    await execute(log.pool, "update streams set state = '{}' where state is not null", {})
    first = await rebuild_snapshots(log, EVENTS, TOMBSTONES)
    assert first.unsettled == 0
    assert first.passes > 1
    stop.set()
    await asyncio.gather(*writing)
    assert first.replaced > 0
    assert (await rebuild_snapshots(log, EVENTS, TOMBSTONES)).replaced == 0


async def test_an_append_that_the_comparison_waits_for_is_no_way_out(
    log: BadgeLog, database_url: str
) -> None:
    """Guards the comparison against the moment: the row has moved on before it can be replaced."""
    user_id = new_id()
    badge = await log.append(log.new(new_id(), user_id), [BadgeNamed(name="mo")], AT)
    await execute(log.pool, "update streams set state = '{}'", {})
    wrong = await log.load(badge.stream_id, user_id)
    assert wrong is not None

    async def waits() -> bool:
        return bool(await fetch_all(log.pool, "select 1 from pg_locks where not granted", {}))

    async with await psycopg.AsyncConnection.connect(database_url) as connection:
        inside: BadgeLog = replace(log, pool=OneConnection(connection))
        await inside.append(wrong, [BadgeWorn(mood="late")], AT)
        rebuilding = asyncio.create_task(rebuild_snapshots(log, EVENTS, TOMBSTONES))
        await eventually(waits)
        await connection.commit()
    assert (await rebuilding).replaced == 1
    right = await log.load(badge.stream_id, user_id)
    assert right is not None
    assert (right.state.name, right.state.worn) == ("mo", 1)


async def test_an_event_nobody_knows_is_told(log: BadgeLog) -> None:
    """Guards against folding less than there is."""
    life = Life(log, random.Random(5))
    await life.live(10)
    snapshot = await log.load(life.badges[0], life.user_id)
    assert snapshot is not None
    await log.append(replace(snapshot), [BadgePolished()], AT)
    known = {tag: kind for tag, kind in EVENTS.items() if kind is not BadgePolished}
    with pytest.raises(LookupError, match="badge_polished"):
        await rebuild_snapshots(log, known, TOMBSTONES)
