"""Erased is erased: after the job nothing holds the content, wherever it was killed."""

import asyncio
from collections.abc import Awaitable
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest
from nats.aio.client import Client

from libs.chassis.tests.clerk import QUICK, Seen
from libs.chassis.tests.erasure.erasing import (
    LIVE,
    LIVE_PURGE,
    MARKER,
    Crash,
    burn,
    create_erasure_tables,
    create_streams,
    filled,
    fragile_eraser,
    in_letters,
    in_stream,
    in_tables,
    names_in,
    time_passes,
    write_about,
)
from libs.chassis.tests.listening import STREAM, holds_the_log, relaying
from libs.chassis.tests.shelf import AT, OWNER, READ_MODELS, ShelfLog, ThingPut
from lingxi_chassis.bus import connect
from lingxi_chassis.consumers import Subscriptions
from lingxi_chassis.consumers.dead_letters import ensure_dead_letters
from lingxi_chassis.consumers.letters import list_letters
from lingxi_chassis.erasure import Eraser, LivePurge, purge, queue
from lingxi_chassis.erasure.blank import ROWS_PER_TRANSACTION_MAX
from lingxi_chassis.erasure.purge import Outcome
from lingxi_chassis.erasure.queue import open_erasures
from lingxi_chassis.ids import new_id
from lingxi_chassis.postgres import Pool, execute, fetch_one
from lingxi_chassis.rebuild import rebuild_read_models
from lingxi_chassis.rebuild.shadow import Shadow
from lingxi_chassis.relay import Relay
from lingxi_chassis.tasks import in_background
from lingxi_contracts.envelope import Envelope
from lingxi_local.nats import NatsServer, RunningNats
from lingxi_local.nats_configuration import ADMIN
from lingxi_local.permissions import LIVE_STREAM, ROLES
from tests.fixtures.waiting import eventually

STEPS_MAX = 100


@pytest.fixture
def erasable(log_url: str, shelves: ShelfLog) -> ShelfLog:
    create_erasure_tables(log_url)
    return shelves


async def passed(log_pool: Pool) -> bool:
    """Whether the relay's saved checkpoint is at the end of the log."""
    row = await fetch_one(
        log_pool,
        "select (xid, position) >= (select xid, position from events"
        " order by xid desc, position desc limit 1) from relay_checkpoint",
        {},
    )
    return bool(row and row[0])


async def finished(eraser: Eraser, pool: Pool) -> None:
    """Work until nothing is left; the pauses between are skipped."""

    async def nothing_left() -> bool:
        await time_passes(pool)
        await eraser.work()
        return await open_erasures(pool) == 0

    await eventually(nothing_left)


async def test_nothing_of_an_erased_stream_is_left(
    erasable: ShelfLog, log_pool: Pool, log_url: str, nats: Client
) -> None:
    """Guards every place that holds content: log, read models, stream, live signals, letters.

    What belongs to others stays, and so does the tombstone; a healed stream shows no more.
    """
    js = nats.jetstream()
    async with relaying(log_url, nats):
        shelf = await filled(erasable, MARKER)
        kept = await filled(erasable, "kept", user=shelf.user_id)
        for one in (shelf, kept):
            await write_about(nats, log_pool, one)
        await holds_the_log(nats, log_url)
        assert names_in(await in_stream(js, STREAM), shelf.stream_id) == [
            f"{MARKER} {number}" for number in range(3)
        ]
        await burn(erasable, shelf)
        eraser = Eraser("shelf", log_pool, js, [LIVE_PURGE])
        died: list[str] = []
        async with in_background(eraser.run(), "erase", lambda: died.append("eraser")):

            async def done() -> bool:
                return await open_erasures(log_pool) == 0

            await eventually(done)
        assert died == []
        assert await in_tables(log_pool, MARKER) == []
        messages = await in_stream(js, STREAM)
        assert names_in(messages, shelf.stream_id) == [{}]  # the tombstone
        assert names_in(messages, kept.stream_id) == ["kept 0", "kept 1", "kept 2"]
        live = await in_stream(js, LIVE)
        assert [subject.rpartition(".")[2] for subject, _ in live] == [str(kept.stream_id)]
        assert len(await in_letters(js)) == 1
    await js.delete_stream(STREAM)
    async with relaying(log_url, nats):
        await holds_the_log(nats, log_url)
        healed = await in_stream(js, STREAM)
    assert names_in(healed, shelf.stream_id) == [None, None, None, {}]
    assert names_in(healed, kept.stream_id) == ["kept 0", "kept 1", "kept 2"]


def in_files(folder: Path) -> list[str]:
    """The files that hold the marker text."""
    found: list[str] = []
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):  # it is renamed once it is written
            if path.is_file() and MARKER.encode() in path.read_bytes():
                found.append(path.name)
    return found


async def test_the_files_of_the_store_hold_nothing(
    erasable: ShelfLog, log_pool: Pool, log_url: str, nats_server: RunningNats
) -> None:
    """Guards deletion instead of a purge, which only forgets where the bytes are."""
    store = nats_server.server.data_dir / "store"
    async with connect(nats_server.server.url(ADMIN), "shelf") as nats:
        await create_streams(nats)
        async with relaying(log_url, nats):
            shelf = await filled(erasable, MARKER, things=50)
            await filled(erasable, "kept", things=5)
            await write_about(nats, log_pool, shelf)
            await holds_the_log(nats, log_url)
            assert in_files(store) != []
            await burn(erasable, shelf)
            await finished(Eraser("shelf", log_pool, nats.jetstream(), [LIVE_PURGE]), log_pool)
    assert in_files(store) == []
    nats_server.stop()
    assert in_files(store) == []


async def test_killed_at_any_step_it_is_finished_by_the_next(
    erasable: ShelfLog, log_pool: Pool, log_url: str, nats: Client
) -> None:
    """Guards resuming: the process dies before and after each statement and each purge."""
    js = nats.jetstream()
    crashes = 0
    async with relaying(log_url, nats):
        for step in range(1, STEPS_MAX):
            shelf = await filled(erasable, MARKER)
            await write_about(nats, log_pool, shelf)
            await burn(erasable, shelf)
            await eventually(lambda: passed(log_pool))
            try:
                await fragile_eraser(erasable, nats, step).work()
            except Crash:
                crashes += 1
            await finished(Eraser("shelf", log_pool, js, [LIVE_PURGE]), log_pool)
            if crashes < step:
                break
    assert 10 < crashes < STEPS_MAX - 1
    assert await in_tables(log_pool, MARKER) == []
    assert all(MARKER not in body for _, body in await in_stream(js, STREAM))
    assert await in_stream(js, LIVE) == []
    assert await in_letters(js) == []


async def test_the_purge_waits_for_the_relay(
    erasable: ShelfLog, log_pool: Pool, log_url: str, nats: Client
) -> None:
    """Guards the order: a purge before the tombstone is published would leave what comes late."""
    js = nats.jetstream()
    async with relaying(log_url, nats):
        shelf = await filled(erasable, MARKER)
        await holds_the_log(nats, log_url)
    shelf = await erasable.append(shelf, [ThingPut(name=f"{MARKER} late")], AT)
    await burn(erasable, shelf)
    eraser = Eraser("shelf", log_pool, js)
    assert await eraser.work() == 1
    assert await open_erasures(log_pool) == 1
    assert len(names_in(await in_stream(js, STREAM), shelf.stream_id)) == 3
    assert await in_tables(log_pool, MARKER) == []
    async with relaying(log_url, nats):
        await finished(eraser, log_pool)
    assert names_in(await in_stream(js, STREAM), shelf.stream_id) == [{}]


async def test_another_life_of_the_stream_is_not_taken_for_passed(
    erasable: ShelfLog, log_pool: Pool, log_url: str, nats: Client
) -> None:
    """Guards `stream_created`: the checkpoint of a lost stream says nothing about the new one."""
    js = nats.jetstream()
    async with relaying(log_url, nats) as relay:
        shelf = await filled(erasable, MARKER)
        await burn(erasable, shelf)
        relay.wake()
        await holds_the_log(nats, log_url)
        await eventually(lambda: passed(log_pool))
    config = (await js.stream_info(STREAM)).config
    await js.delete_stream(STREAM)
    await js.add_stream(config)
    eraser = Eraser("shelf", log_pool, js)
    await eraser.work()
    assert await open_erasures(log_pool) == 1
    async with relaying(log_url, nats):
        await finished(eraser, log_pool)


async def test_a_stream_that_forgot_the_tombstone_is_purged_too(
    erasable: ShelfLog, log_pool: Pool, log_url: str, nats: Client
) -> None:
    """Guards old erasures: a tombstone beyond the stream's age must not hold the job up."""
    js = nats.jetstream()
    async with relaying(log_url, nats):
        shelf = await filled(erasable, MARKER)
        await burn(erasable, shelf)
        await holds_the_log(nats, log_url)
        await js.purge_stream(STREAM, subject=f"shelf.event.shelf_burned.*.{shelf.stream_id}")
        await finished(Eraser("shelf", log_pool, js), log_pool)
    assert names_in(await in_stream(js, STREAM), shelf.stream_id) == []


async def test_an_account_takes_all_letters_of_its_user_along(
    erasable: ShelfLog, log_pool: Pool, log_url: str, nats: Client
) -> None:
    """Guards the end of an account: letters about other owners' events name the user, too."""
    js = nats.jetstream()
    async with relaying(log_url, nats):
        user_id, other_id = new_id(), new_id()
        account = await erasable.append(erasable.new(user_id, user_id), [ThingPut(name=MARKER)], AT)
        for user in (user_id, other_id):
            await js.publish(f"dead.clerk.count.{user}.{new_id()}", b"{}")
        await burn(erasable, account)
        await finished(Eraser("shelf", log_pool, js), log_pool)
    assert [subject.split(".")[3] for subject in await in_letters(js)] == [str(other_id)]


@pytest.mark.parametrize("is_account", [True, False])
async def test_a_handler_that_cannot_erase_is_told_of(
    erasable: ShelfLog,
    log_url: str,
    nats: Client,
    monkeypatch: pytest.MonkeyPatch,
    is_account: bool,
) -> None:
    """Guards the letters about the tombstone: whoever fails on it keeps content, and says so there
    alone. All the other letters go, also where several handlers failed on one event.
    """
    monkeypatch.setattr("lingxi_chassis.consumers.handling.UNEXPECTED_DELIVERIES_MAX", 1)
    js = nats.jetstream()

    def broken(_: Envelope) -> None:
        raise KeyError

    async def types() -> list[str]:
        return sorted(str(letter.type) for letter in await list_letters(js))

    subscriptions = Subscriptions("clerk", nats, lambda: None)
    for handler in ("count", "forget"):
        tags = ["thing_put", "shelf_burned"]
        subscriptions.on(OWNER, tags, handler, Seen(broken), QUICK)
    async with relaying(log_url, nats), subscriptions:
        user_id = new_id()
        shelf = erasable.new(user_id if is_account else new_id(), user_id)
        shelf = await erasable.append(shelf, [ThingPut(name=MARKER)], AT)
        await burn(erasable, shelf)
        both = ["shelf_burned.v1"] * 2

        async def written() -> bool:
            return await types() == [*both, *["thing_put.v1"] * 2]

        await eventually(written)
        await finished(Eraser("shelf", erasable.pool, js), erasable.pool)
        assert await types() == both


async def test_copies_of_a_rebuild_that_died_go(
    erasable: ShelfLog, log_pool: Pool, log_url: str, nats: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards the shadow tables, which no append reaches: without its connection a rebuild cannot
    take them along."""

    async def die(shadow: Shadow) -> None:
        await shadow.connection.execute("select pg_terminate_backend(pg_backend_pid())")

    monkeypatch.setattr(Shadow, "analyze", die)
    async with relaying(log_url, nats):
        shelf = await filled(erasable, MARKER)
        with pytest.raises(psycopg.OperationalError):
            await rebuild_read_models(log_url, READ_MODELS)
        assert await in_tables(log_pool, MARKER) == [
            "public.events",
            "public.streams",
            "public.things",
            "rebuild.things",
        ]
        await burn(erasable, shelf)
        await finished(Eraser("shelf", log_pool, nats.jetstream()), log_pool)
    assert await in_tables(log_pool, MARKER) == []


async def test_an_erasure_is_not_over_while_a_rebuild_has_copies(
    erasable: ShelfLog, log_pool: Pool, log_url: str, nats: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards a rebuild that dies after the rest is erased: nothing would look for its copies."""
    copied, die = asyncio.Event(), asyncio.Event()

    async def wait_then_die(shadow: Shadow) -> None:
        copied.set()
        await die.wait()
        await shadow.connection.close()

    monkeypatch.setattr(Shadow, "analyze", wait_then_die)
    eraser = Eraser("shelf", log_pool, nats.jetstream())
    async with relaying(log_url, nats), asyncio.TaskGroup() as tasks:
        shelf = await filled(erasable, MARKER)
        rebuilding = tasks.create_task(failing(rebuild_read_models(log_url, READ_MODELS)))
        await copied.wait()
        await burn(erasable, shelf)
        await eventually(lambda: passed(log_pool))
        assert await eraser.work() == 1
        assert await in_tables(log_pool, MARKER) == ["rebuild.things"]
        assert await open_erasures(log_pool) == 1
        die.set()
        await rebuilding
        await finished(eraser, log_pool)
    assert await in_tables(log_pool, MARKER) == []


async def failing(work: Awaitable[object]) -> None:
    with pytest.raises(psycopg.OperationalError):
        await work


async def test_copies_go_when_their_owner_starts_again(
    erasable: ShelfLog, log_pool: Pool, nats: Client
) -> None:
    """Guards disks: copies that nobody has to erase are discarded, too."""
    await execute(log_pool, "create schema rebuild", {})
    await execute(log_pool, "create table rebuild.things (name text)", {})
    eraser = Eraser("shelf", erasable.pool, nats.jetstream())
    async with in_background(eraser.run(), "erase", lambda: None):
        await eventually(lambda: _is(log_pool, "to_regnamespace('rebuild') is null"))


async def test_a_long_stream_is_blanked_in_short_transactions(
    erasable: ShelfLog, log_pool: Pool, nats: Client
) -> None:
    """Guards the relays of the cluster: no transaction touches more than the bound."""
    shelf = await filled(erasable, MARKER, things=1)
    rows = 2 * ROWS_PER_TRANSACTION_MAX + 5
    events = [ThingPut(name=f"{MARKER} more {number}") for number in range(rows - 1)]
    shelf = await erasable.append(shelf, events, AT)
    await burn(erasable, shelf)
    await Eraser("shelf", log_pool, nats.jetstream()).work()
    blank = await fetch_one(
        log_pool,
        "select count(*), max(per_transaction) from (select count(*) as per_transaction"
        " from events where data is null and metadata is null group by xmin) by_transaction",
        {},
    )
    assert blank == (3, ROWS_PER_TRANSACTION_MAX)
    row = await fetch_one(log_pool, "select count(*) from events where data is null", {})
    assert row == (rows,)


async def test_a_long_stream_takes_turns_with_others(
    erasable: ShelfLog, log_pool: Pool, log_url: str, nats: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards fairness: what is deleted after a long stream does not wait for its end."""
    monkeypatch.setattr(purge, "MESSAGES_A_TURN_MAX", 4)
    js = nats.jetstream()
    async with relaying(log_url, nats):
        long = await filled(erasable, MARKER, things=13)
        short = await filled(erasable, MARKER, things=1)
        for shelf in (long, short):
            await burn(erasable, shelf)
        await holds_the_log(nats, log_url)
        await eventually(lambda: passed(log_pool))
        eraser = Eraser("shelf", log_pool, js)
        for left in (9, 5, 1):
            await eraser.work()
            assert len(names_in(await in_stream(js, STREAM), long.stream_id)) == left + 1
            assert names_in(await in_stream(js, STREAM), short.stream_id) == [{}]
            assert await open_erasures(log_pool) == 1
        await eraser.work()
        assert await open_erasures(log_pool) == 0
        assert names_in(await in_stream(js, STREAM), long.stream_id) == [{}]


async def test_replicas_share_the_work(
    erasable: ShelfLog, log_pool: Pool, log_url: str, nats: Client
) -> None:
    """Guards the claim: three at once finish what there is, and none takes another's."""
    async with relaying(log_url, nats):
        for _ in range(20):
            await burn(erasable, await filled(erasable, MARKER, things=1))
        await holds_the_log(nats, log_url)
        await eventually(lambda: passed(log_pool))
        eraser = Eraser("shelf", log_pool, nats.jetstream())
        assert sum(await asyncio.gather(*(eraser.work() for _ in range(3)))) == 20
    assert await open_erasures(log_pool) == 0
    assert await in_tables(log_pool, MARKER) == []


async def test_the_permissions_of_an_owner_are_enough(
    erasable: ShelfLog, log_pool: Pool, log_url: str, tmp_path: Path, unused_port: int
) -> None:
    """Guards the permission table: an owner purges its streams and the letters, as itself."""
    passwords = {role.service: "only-for-tests" for role in ROLES}
    server = NatsServer(tmp_path / "nats", unused_port, passwords)
    live = LivePurge(LIVE_STREAM, lambda user_id, stream_id: f"chat.live.{user_id}.{stream_id}")
    with RunningNats(server, tmp_path / "log"):
        async with connect(server.url("chat"), "chat") as chat:
            js = chat.jetstream()
            await ensure_dead_letters(js)
            await js.add_stream(name=LIVE_STREAM, subjects=["chat.live.>"])
            shelf = await filled(erasable, MARKER)
            await js.publish(live.subject(shelf.user_id, shelf.stream_id), MARKER.encode())
            await js.publish(f"dead.chat.count.{shelf.user_id}.{new_id()}", b"{}")
            died: list[str] = []
            relay = Relay("chat", log_url, chat)
            async with in_background(relay.run(), "relay", lambda: died.append("relay")):
                await burn(erasable, shelf)
                await finished(Eraser("chat", log_pool, js, [live]), log_pool)
            assert died == []
            assert (await js.stream_info("CHAT_EVENTS")).state.messages == 1
            assert (await js.stream_info(LIVE_STREAM)).state.messages == 0


async def test_long_work_is_not_handed_to_another(
    erasable: ShelfLog, log_pool: Pool, nats: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards the renewal: an erasure of many events takes longer than a lease."""
    monkeypatch.setattr(queue, "LEASE_SECONDS", 1)
    monkeypatch.setattr(queue, "RENEW_SECONDS", 0.2)
    release = asyncio.Event()

    async def take_long(*_: object) -> Outcome:
        await release.wait()
        return "done"

    slow, other = (Eraser("shelf", log_pool, nats.jetstream()) for _ in range(2))
    monkeypatch.setattr(slow, "erase_stream", take_long)
    await burn(erasable, await filled(erasable, MARKER, things=1))
    working = asyncio.create_task(slow.work())
    lease = "select lease_until from erasures"
    await eventually(lambda: _is(log_pool, f"({lease}) is not null"))
    first = await fetch_one(log_pool, lease, {})
    assert first is not None
    await eventually(lambda: _is(log_pool, "now() > %(first)s", first=first[0]))
    assert await other.work() == 0
    release.set()
    assert await working == 1
    assert await open_erasures(log_pool) == 0


async def _is(pool: Pool, condition: str, **params: object) -> bool:
    return (await fetch_one(pool, f"select {condition}", params)) == (True,)


async def test_what_was_deleted_before_there_was_a_job_is_erased(
    shelves: ShelfLog, log_pool: Pool, log_url: str
) -> None:
    """Guards the migration: streams with a tombstone but without a row in the queue get one."""
    shelf = await filled(shelves, MARKER)
    await execute(log_pool, "update streams set state = null", {})
    create_erasure_tables(log_url)
    row = await fetch_one(log_pool, "select stream_id, version, stage from erasures", {})
    assert row == (shelf.stream_id, 3, "blank")
