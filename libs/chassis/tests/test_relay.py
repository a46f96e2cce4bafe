"""The relay on real servers: the stream holds the log, exactly, whatever happened in between."""

import asyncio
import signal
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.api import StreamConfig
from nats.js.errors import BadRequestError, ServerError

from libs.chassis.tests.a_relay import ACKNOWLEDGED
from libs.chassis.tests.listening import (
    STREAM,
    holds_the_log,
    in_version_order,
    published,
    relaying,
)
from libs.chassis.tests.shelf import AT, OWNER, Shelf, ShelfLog, ThingPut, WeightsNoted, new_shelf
from lingxi_chassis import context
from lingxi_chassis.bus import Link, connect
from lingxi_chassis.clock import utc_now
from lingxi_chassis.eventlog import Snapshot
from lingxi_chassis.postgres import Connection, Pool, execute
from lingxi_chassis.relay import Relay, StreamLimits
from lingxi_chassis.relay.rows import (
    Checkpoint,
    LogRow,
    load_checkpoint,
    read_rows,
    save_checkpoint,
)
from lingxi_chassis.relay.stream import empty
from lingxi_contracts.envelope import Envelope
from lingxi_local.nats import RunningNats
from lingxi_local.nats_configuration import ADMIN
from lingxi_local.ports import LOOPBACK
from tests.fixtures.proxy import Proxy, proxy_to
from tests.fixtures.waiting import eventually

ROOT = Path(__file__).parents[3]
STARTED_SECONDS_MAX = 60.0
TAKEN_OVER_SECONDS_MAX = 20.0


@pytest.fixture
async def nats(nats_url: str) -> AsyncIterator[Client]:
    async with connect(nats_url, OWNER) as client:
        yield client


async def write(shelves: ShelfLog, count: int, shelf: Snapshot[Shelf] | None = None) -> None:
    """Append `count` events to one shelf, one by one."""
    shelf = shelf or new_shelf(shelves)
    for _ in range(count):
        shelf = await shelves.append(shelf, [ThingPut(name=f"thing {shelf.version}")], AT)


@asynccontextmanager
async def a_relay(
    *arguments: str, stdout: int | None = None
) -> AsyncGenerator[asyncio.subprocess.Process]:
    """A relay in a process of its own, which is killed at the end."""
    command = (sys.executable, "-m", "libs.chassis.tests.a_relay", *arguments)
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=stdout)
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def checkpoint_of(log_url: str) -> Checkpoint:
    async with await psycopg.AsyncConnection.connect(log_url) as connection:
        return await load_checkpoint(connection)


async def restore(log_url: str, checkpoint: Checkpoint) -> None:
    async with await psycopg.AsyncConnection.connect(log_url) as connection:
        await save_checkpoint(connection, checkpoint)


async def test_an_event_is_published_soon_after_its_append(
    shelves: ShelfLog, log_url: str, nats: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards waking: a nudge from another process works like one from this one."""
    monkeypatch.setattr("lingxi_chassis.relay.relay.POLL_SECONDS", 3_600.0)
    async with relaying(log_url, nats) as relay:
        await eventually(lambda: relay.trouble is None)
        await write(shelves, 1)

        async def nudged() -> bool:
            await nats.publish(f"{OWNER}.relay", b"")
            return relay.published == 1

        await eventually(nudged)
        await holds_the_log(nats, log_url)


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many rows each look at the log found; there is none but after a wake."""
    monkeypatch.setattr("lingxi_chassis.relay.relay.POLL_SECONDS", 3_600.0)
    monkeypatch.setattr("lingxi_chassis.relay.relay.LOOK_AGAIN_SECONDS", 3_600.0)
    found: list[int] = []

    async def counted(connection: Connection, after: Checkpoint, limit: int) -> list[LogRow]:
        rows = await read_rows(connection, after, limit)
        found.append(len(rows))
        return rows

    monkeypatch.setattr("lingxi_chassis.relay.relay.read_rows", counted)
    return found


@pytest.fixture
async def relay(
    shelves: ShelfLog, log_url: str, nats: Client, reads: list[int]
) -> AsyncIterator[Relay]:
    """One that has published a row, and then found no more."""
    await write(shelves, 1)
    async with relaying(log_url, nats) as relay:
        await eventually(lambda: reads == [1, 0])
        yield relay


async def test_what_is_appended_within_moments_is_published_together(
    shelves: ShelfLog, relay: Relay, reads: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards the pause after waking: a turn's two appends cost one round, not two."""
    monkeypatch.setattr("lingxi_chassis.relay.relay.GATHER_SECONDS", 2.0)
    await write(shelves, 1)
    relay.wake()
    await write(shelves, 2)
    relay.wake()
    await eventually(lambda: relay.published == 4)
    assert reads[:3] == [1, 0, 3]


async def test_while_rows_come_a_round_takes_its_time(
    shelves: ShelfLog, relay: Relay, reads: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards `ROUND_SECONDS`: under load a batch costs hardly more than a row."""
    monkeypatch.setattr("lingxi_chassis.relay.relay.GATHER_SECONDS", 0.0)
    monkeypatch.setattr("lingxi_chassis.relay.relay.ROUND_SECONDS", 2.0)
    await write(shelves, 1)
    relay.wake()
    await eventually(lambda: reads == [1, 0, 1])
    await write(shelves, 1)
    relay.wake()
    await write(shelves, 1)
    relay.wake()
    await eventually(lambda: relay.published == 4)
    assert reads[:4] == [1, 0, 1, 2]


async def test_a_row_is_published_as_its_envelope(
    shelves: ShelfLog, log_pool: Pool, log_url: str
) -> None:
    """Guards the hand-made JSON: it is what the model of the wire would have written."""
    context.begin("correlation", "cause")
    await write(shelves, 2)
    await execute(log_pool, "update events set data = null, metadata = null where version = 2", {})
    async with await psycopg.AsyncConnection.connect(log_url) as connection:
        rows = await read_rows(connection, Checkpoint("", 0, "0", 0), 10)
    for row in rows:
        wire = row.envelope(OWNER)
        event = Envelope.model_validate_json(wire)
        without_nulls = event.model_dump(mode="json", exclude_none=True)
        if event.data is None:
            without_nulls["data"] = None
        assert Envelope.model_validate(without_nulls) == event
        assert set(without_nulls) == set(_json(wire))
    assert rows[0].subject(OWNER) == f"shelf.event.thing_put.{rows[0].user_id}.{rows[0].stream_id}"
    first, erased = (Envelope.model_validate_json(row.envelope(OWNER)) for row in rows)
    assert first.data == {"name": "thing 0"}
    assert (first.correlationid, first.causationid) == ("correlation", "cause")
    assert (first.time, first.sequence, erased.sequence) == (AT, 1, 2)
    assert erased.data is None


def _json(text: bytes) -> dict[str, object]:
    import orjson

    return orjson.loads(text)


async def test_a_crash_between_publishing_and_saving_the_checkpoint(
    shelves: ShelfLog, log_url: str, nats: Client
) -> None:
    """Guards the lagging checkpoint: what the stream holds already is not published again."""
    async with relaying(log_url, nats):
        await write(shelves, 3)
        await holds_the_log(nats, log_url)
    old = await checkpoint_of(log_url)
    async with relaying(log_url, nats):
        await write(shelves, 700)
        await holds_the_log(nats, log_url)
    await restore(log_url, old)
    await write(shelves, 3)
    async with relaying(log_url, nats) as relay:
        await holds_the_log(nats, log_url)
        assert relay.published == 3


async def test_a_relay_that_is_killed_between_publishing_and_saving_the_checkpoint(
    shelves: ShelfLog, log_url: str, nats: Client, nats_url: str
) -> None:
    """Guards the same, by a kill: the next one finds the rows in the stream and goes on."""
    async with relaying(log_url, nats):
        await write(shelves, 3)
        await holds_the_log(nats, log_url)
    saved = await checkpoint_of(log_url)
    await write(shelves, 1)
    async with a_relay(log_url, nats_url, "hang", stdout=asyncio.subprocess.PIPE) as first:
        assert first.stdout is not None
        async with asyncio.timeout(STARTED_SECONDS_MAX):
            while (line := (await first.stdout.readline()).decode()) != f"{ACKNOWLEDGED}\n":
                assert line, "it ended by itself"
        first.kill()
        await first.wait()
    assert await checkpoint_of(log_url) == saved
    assert len(await published(nats)) == 4
    await write(shelves, 3)
    async with relaying(log_url, nats) as relay:
        await holds_the_log(nats, log_url)
        assert relay.published == 3


async def test_two_relays_at_once_do_no_harm(
    shelves: ShelfLog, log_url: str, nats: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards the fence: without the lock two relays publish, and each row is stored once."""

    async def no_lock(*_: object) -> bool:
        return True

    monkeypatch.setattr(Relay, "_locked", no_lock)
    async with relaying(log_url, nats) as one, relaying(log_url, nats) as two:
        await asyncio.gather(*(write(shelves, 40) for _ in range(5)))
        await holds_the_log(nats, log_url)
        assert in_version_order(await published(nats))
        assert one.published + two.published > 0


async def test_a_second_relay_stands_by(shelves: ShelfLog, log_url: str, nats: Client) -> None:
    """Guards the lock: the other one is no trouble, and takes over when the first one ends."""
    async with relaying(log_url, nats) as one:
        await eventually(lambda: one.trouble is None)
        async with relaying(log_url, nats) as two:
            await eventually(lambda: two.trouble is None)
            await write(shelves, 5)
            await holds_the_log(nats, log_url)
            await eventually(lambda: one.published == 5)
            assert two.published == 0
    async with relaying(log_url, nats) as three:
        await write(shelves, 5)
        await holds_the_log(nats, log_url)
        assert three.published == 5


async def test_a_paused_relay_is_replaced(
    shelves: ShelfLog, log_url: str, nats: Client, nats_url: str
) -> None:
    """Guards publication while who holds the lock is paused; it wakes to find itself replaced."""
    await write(shelves, 1)
    async with a_relay(log_url, nats_url) as first:
        await holds_the_log(nats, log_url, STARTED_SECONDS_MAX)
        async with relaying(log_url, nats) as relay:
            await eventually(lambda: relay.trouble is None)
            first.send_signal(signal.SIGSTOP)
            await write(shelves, 10)
            await eventually(lambda: relay.published > 0, TAKEN_OVER_SECONDS_MAX)
            first.send_signal(signal.SIGCONT)
            await write(shelves, 10)
            await holds_the_log(nats, log_url)


async def test_a_refusal_in_the_middle_of_a_batch(
    shelves: ShelfLog, log_url: str, nats: Client
) -> None:
    """Guards the fence within a batch: what follows a refused row is refused too, even if it fits.

    A full stream refuses a large row and would take the small ones after it.
    """
    limits = StreamLimits(max_bytes=20_000)
    shelf = await shelves.append(new_shelf(shelves), [ThingPut(name="small")], AT)
    shelf = await shelves.append(shelf, [WeightsNoted(weights=(0.5,) * 5_000)], AT)
    await write(shelves, 5, shelf)
    async with relaying(log_url, nats, limits) as relay:
        await eventually(lambda: "maximum bytes" in (relay.trouble or ""))
        assert [event.sequence for event in await published(nats)] == [1]
    async with relaying(log_url, nats):
        await holds_the_log(nats, log_url)


async def delete(nats: Client) -> None:
    await nats.jetstream().delete_stream(STREAM)


async def made(js: JetStreamContext, config: StreamConfig) -> bool:
    """Once in a thousand times the server has not done with the one that was deleted."""
    with suppress(ServerError):
        await js.add_stream(config)
        return True
    return False


async def recreate_ahead(nats: Client) -> None:
    js = nats.jetstream()
    config = (await js.stream_info(STREAM)).config
    await js.delete_stream(STREAM)
    await eventually(lambda: made(js, config))
    for _ in range(50):
        await js.publish(f"{OWNER}.event.foreign.x.y", b"{}")


@pytest.mark.parametrize("harm", [delete, recreate_ahead])
@pytest.mark.parametrize("running", [True, False])
async def test_a_stream_that_is_not_ours_any_more_is_healed(
    shelves: ShelfLog,
    log_url: str,
    nats: Client,
    harm: Callable[[Client], Awaitable[None]],
    running: bool,
) -> None:
    """Guards healing: a deleted or strange stream is filled again from the log."""
    async with relaying(log_url, nats):
        await write(shelves, 10)
        await holds_the_log(nats, log_url)
        if running:
            await harm(nats)
            await write(shelves, 10)
            await holds_the_log(nats, log_url)
    if not running:
        await harm(nats)
        await write(shelves, 10)
        async with relaying(log_url, nats):
            await holds_the_log(nats, log_url)


async def test_a_log_restored_from_a_backup_wins(
    shelves: ShelfLog, log_pool: Pool, log_url: str, nats: Client
) -> None:
    """Guards against a stream that is as long as the log, but tells other things."""
    async with relaying(log_url, nats):
        await write(shelves, 5)
        await holds_the_log(nats, log_url)
    backup = await checkpoint_of(log_url)
    async with relaying(log_url, nats):
        await write(shelves, 7)
        await holds_the_log(nats, log_url)
    await execute(log_pool, "delete from events where xid > %(xid)s::xid8", {"xid": backup.xid})
    await restore(log_url, backup)
    await write(shelves, 7)
    async with relaying(log_url, nats):
        await holds_the_log(nats, log_url)


async def test_who_counts_on_from_before_a_healing_is_refused(
    shelves: ShelfLog, log_url: str, nats: Client
) -> None:
    """Guards `empty`: another relay's rows, published late, would come before those filled in."""
    async with relaying(log_url, nats):
        await write(shelves, 5)
        await holds_the_log(nats, log_url)
    js = nats.jetstream()
    left = await empty(js, OWNER)
    with pytest.raises(BadRequestError, match="wrong last sequence"):
        await js.publish(
            f"{OWNER}.event.late.x.y", b"{}", headers={"Nats-Expected-Last-Sequence": "5"}
        )
    async with relaying(log_url, nats):
        await holds_the_log(nats, log_url)
    assert left.last_seq > 5
    assert left.last_seq < (await js.stream_info(STREAM)).state.last_seq


async def test_healing_leaves_out_what_the_stream_would_forget(
    shelves: ShelfLog, log_url: str, nats: Client
) -> None:
    """Guards the age of a refill: old rows stay in the log alone."""
    now = utc_now()
    old = await shelves.append(new_shelf(shelves), [ThingPut(name="old")], now - timedelta(hours=2))
    young = await shelves.append(new_shelf(shelves), [ThingPut(name="young")], now)
    assert old.stream_id != young.stream_id
    limits = StreamLimits(max_age_seconds=timedelta(hours=1).total_seconds())
    async with relaying(log_url, nats, limits) as relay:
        await eventually(lambda: relay.published == 1)
        assert [event.subject for event in await published(nats)] == [young.stream_id]


@asynccontextmanager
async def behind_a_proxy(server: RunningNats) -> AsyncGenerator[tuple[Client, Proxy, Client]]:
    """The relay's client, its proxy, and a client that is not behind it."""
    url = server.server.url(ADMIN)
    port = server.server.port
    async with (
        proxy_to(port) as proxy,
        connect(url.replace(f"{LOOPBACK}:{port}", f"{LOOPBACK}:{proxy.port}"), OWNER) as nats,
        connect(url, "watcher") as watcher,
    ):
        yield nats, proxy, watcher


async def test_lost_acknowledgements(
    shelves: ShelfLog, log_url: str, nats_server: RunningNats
) -> None:
    """Guards unknown outcomes: stored but never acknowledged, and still there once."""
    async with (
        behind_a_proxy(nats_server) as (nats, proxy, watcher),
        relaying(log_url, nats) as relay,
    ):
        await write(shelves, 5)
        await holds_the_log(watcher, log_url)
        for _ in range(2):
            proxy.swallow_answers = True
            known = relay.published
            stored = (await watcher.jetstream().stream_info(STREAM)).state.last_seq
            await write(shelves, 30)

            async def stored_unknown(stored: int = stored) -> bool:
                return (await watcher.jetstream().stream_info(STREAM)).state.last_seq > stored

            await eventually(stored_unknown)
            assert relay.published == known
            proxy.cut()
            proxy.swallow_answers = False
            await write(shelves, 30)
            await holds_the_log(watcher, log_url)
        assert in_version_order(await published(watcher))


async def test_a_killed_server(
    shelves: ShelfLog,
    log_url: str,
    nats_server: RunningNats,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Guards reconnecting, and `give_up`: kill -9 in the middle of writing, several times. An
    acknowledgement that died with the server is not waited for."""
    monkeypatch.setattr("lingxi_chassis.relay.publish.DEADLINE_SECONDS", 600.0)
    link = Link()

    async def write_until(over: asyncio.Event) -> None:
        shelf = new_shelf(shelves)
        while not over.is_set():
            shelf = await shelves.append(shelf, [ThingPut(name=f"thing {shelf.version}")], AT)

    async with (
        connect(nats_server.server.url(ADMIN), OWNER, link=link) as nats,
        relaying(log_url, nats, link=link) as relay,
    ):
        for _ in range(3):
            known = relay.published
            over = asyncio.Event()
            writing = asyncio.gather(*(write_until(over) for _ in range(4)))
            await eventually(lambda known=known: relay.published > known)
            nats_server.kill()
            await asyncio.to_thread(nats_server.start)
            over.set()
            await writing
            await holds_the_log(nats, log_url, 30)
        assert in_version_order(await published(nats))


async def test_a_relay_whose_database_went_away_goes_on(
    shelves: ShelfLog, log_pool: Pool, log_url: str, nats: Client
) -> None:
    """Guards the relay's own connection: terminated, it says so, and comes back by itself."""
    async with relaying(log_url, nats) as relay:
        await write(shelves, 5)
        await holds_the_log(nats, log_url)
        await execute(
            log_pool,
            "select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory'"
            " and database = (select oid from pg_database where datname = current_database())",
            {},
        )
        await write(shelves, 5)
        await holds_the_log(nats, log_url)
        assert relay.trouble is None
