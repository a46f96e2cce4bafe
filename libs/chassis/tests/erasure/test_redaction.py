"""A part of a stream's content goes from log and stream, and the stream lives on."""

from uuid import UUID

from nats.aio.client import Client

from libs.chassis.tests.erasure.erasing import (
    MARKER,
    filled,
    in_stream,
    in_tables,
    names_in,
)
from libs.chassis.tests.listening import STREAM, holds_the_log, relaying
from libs.chassis.tests.shelf import AT, OWNER, READ_MODELS, ShelfLog, ThingPut
from lingxi_chassis.erasure import Redaction, Redactor
from lingxi_chassis.postgres import Pool, execute
from lingxi_chassis.rebuild import rebuild_read_models
from lingxi_chassis.rebuild.read_models import REBUILD_LOCK
from lingxi_contracts.errors import Unavailable
from tests.fixtures.waiting import eventually

OF_NAME = Redaction(
    events="e.type = 'thing_put.v1' and e.version %% 2 = %(rest)s",
    left="""e.data || '{"name": ""}'""",
)
ODD = {"rest": 1}


async def redacted(redactor: Redactor, stream_id: UUID) -> bool:
    try:
        await redactor.redact(stream_id, OF_NAME, ODD)
    except Unavailable:
        return False
    return True


async def test_some_events_lose_their_content_and_the_rest_stays(
    shelves: ShelfLog, log_pool: Pool, log_url: str, nats: Client
) -> None:
    """Guards the order: the stream waits for the relay, which may hold rows from before. What comes
    later, and what heals the stream, is told as the log has it."""
    js = nats.jetstream()
    redactor = Redactor(OWNER, log_pool, js)
    async with relaying(log_url, nats):
        shelf = await filled(shelves, MARKER, things=2)
        other = await filled(shelves, "other", things=1)
        await holds_the_log(nats, log_url)
    shelf = await shelves.append(shelf, [ThingPut(name=f"{MARKER} late")], AT)
    assert not await redacted(redactor, shelf.stream_id)
    told = names_in(await in_stream(js, STREAM), shelf.stream_id)
    assert told == [f"{MARKER} 0", f"{MARKER} 1"]
    async with relaying(log_url, nats):
        await eventually(lambda: redacted(redactor, shelf.stream_id))
        await shelves.append(shelf, [ThingPut(name="new")], AT)

        async def is_told() -> bool:
            told = names_in(await in_stream(js, STREAM), shelf.stream_id)
            return told == [f"{MARKER} 1", "", "new"]

        await eventually(is_told)
    await js.delete_stream(STREAM)
    async with relaying(log_url, nats):
        await holds_the_log(nats, log_url)
        await eventually(lambda: redacted(redactor, shelf.stream_id))
        messages = await in_stream(js, STREAM)
    assert names_in(messages, shelf.stream_id) == ["", f"{MARKER} 1", "", "new"]
    assert names_in(messages, other.stream_id) == ["other 0"]


async def test_it_waits_for_a_rebuild_that_may_have_copied_the_rows(
    shelves: ShelfLog, log_pool: Pool, log_url: str, nats: Client
) -> None:
    """Guards read models: put right too early they would be swapped for the rebuild's."""
    redactor = Redactor(OWNER, log_pool, nats.jetstream())
    async with relaying(log_url, nats):
        shelf = await filled(shelves, MARKER, things=1)
        await holds_the_log(nats, log_url)
        async with log_pool.connection() as rebuilding:
            await rebuilding.execute(f"select pg_advisory_lock({REBUILD_LOCK})".encode())
            await execute(log_pool, "create schema rebuild", {})
            copied = "create table rebuild.things as select * from things"
            await execute(log_pool, copied, {})
            assert not await redacted(redactor, shelf.stream_id)
            await rebuilding.execute(f"select pg_advisory_unlock({REBUILD_LOCK})".encode())
        await eventually(lambda: redacted(redactor, shelf.stream_id))
    await rebuild_read_models(log_url, READ_MODELS)
    assert await in_tables(log_pool, MARKER) == ["public.streams"]  # a shelf rests on its newest
