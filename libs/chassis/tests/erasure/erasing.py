"""Shelves that can be erased, and what would still show their content."""

import json
from typing import Any, cast
from uuid import UUID

import psycopg
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.api import StorageType, StreamConfig

from libs.chassis.tests.shelf import AT, Shelf, ShelfBurned, ShelfLog, ThingPut, new_shelf
from lingxi_chassis.consumers.dead_letters import ensure_dead_letters
from lingxi_chassis.erasure import ERASING, Eraser, LivePurge, schema as erasure_schema
from lingxi_chassis.eventlog import Snapshot
from lingxi_chassis.postgres import Pool, execute, fetch_all
from lingxi_contracts.subjects import DEAD_LETTERS_STREAM, dead_letter_subject

LIVE = "SHELF_LIVE"
MARKER = "marker"
"""Begins each text that has to go."""


def live_subject(user_id: UUID, stream_id: UUID) -> str:
    return f"shelf.live.{user_id}.{stream_id}"


LIVE_PURGE = LivePurge(LIVE, live_subject)


def create_erasure_tables(log_url: str) -> None:
    with psycopg.connect(log_url, autocommit=True) as connection:
        for statement in erasure_schema.CREATE:
            connection.execute(statement.encode())


async def create_streams(nats: Client) -> None:
    """The streams beside the relay's."""
    js = nats.jetstream()
    await ensure_dead_letters(js)
    live = StreamConfig(name=LIVE, subjects=["shelf.live.>"], storage=StorageType.MEMORY)
    await js.add_stream(live)


async def filled(log: ShelfLog, text: str, things: int = 3, user: UUID | None = None) -> Any:
    """A shelf with things on it, each in an append of its own."""
    shelf = new_shelf(log, user)
    for number in range(things):
        shelf = await log.append(shelf, [ThingPut(name=f"{text} {number}")], AT)
    return shelf


async def burn(log: ShelfLog, shelf: Snapshot[Shelf]) -> None:
    """The tombstone, as a service appends it; shelves have no fold that deletes, so do it here."""
    await log.append(shelf, [ShelfBurned()], AT, effects=[ERASING], erase=True)
    things = "delete from things where stream_id = %(stream_id)s"
    await execute(log.pool, things, {"stream_id": shelf.stream_id})


async def write_about(nats: Client, pool: Pool, shelf: Snapshot[Shelf]) -> None:
    """A live signal, and a dead letter about the shelf's first event."""
    js = nats.jetstream()
    await js.publish(live_subject(shelf.user_id, shelf.stream_id), MARKER.encode())
    [(event_id,)] = await fetch_all(
        pool,
        "select event_id from events where stream_id = %(stream_id)s and version = 1",
        {"stream_id": shelf.stream_id},
    )
    await js.publish(dead_letter_subject("clerk", "count", shelf.user_id, event_id), b"{}")


async def in_tables(pool: Pool, text: str) -> list[str]:
    """The tables, of any schema, with a row that holds the text."""
    tables = await fetch_all(
        pool,
        "select schemaname || '.' || tablename from pg_tables where schemaname not in"
        " ('pg_catalog', 'information_schema') order by 1",
        {},
    )
    found: list[str] = []
    for (table,) in tables:
        sql = f"select 1 from {table} row where row::text like %(text)s limit 1"
        if await fetch_all(pool, sql, {"text": f"%{text}%"}):
            found.append(table)
    return found


async def in_stream(js: JetStreamContext, stream: str) -> list[tuple[str, str]]:
    """Subject and body of all that a stream holds."""
    state = (await js.stream_info(stream)).state
    found: list[tuple[str, str]] = []
    seq = state.first_seq
    for _ in range(state.messages):
        message = await js.get_msg(stream, seq=seq, subject=">", next=True)
        found.append((message.subject or "", (message.data or b"").decode()))
        seq = (message.seq or seq) + 1
    return found


async def in_letters(js: JetStreamContext) -> list[str]:
    return [subject for subject, _ in await in_stream(js, DEAD_LETTERS_STREAM)]


def names_in(messages: list[tuple[str, str]], stream_id: UUID) -> list[str | None]:
    """What the published events of one shelf say; None: nothing."""
    return [
        json.loads(body)["data"] and json.loads(body)["data"].get("name", "")
        for subject, body in messages
        if subject.endswith(str(stream_id))
    ]


async def time_passes(pool: Pool) -> None:
    """Leases end, pauses too."""
    await execute(pool, "update erasures set lease_until = null, not_before = now()", {})


class Crash(Exception):
    """The process is killed here."""


class Fragile:
    """Stands in for a pool or JetStream; the n-th entry to or exit from it is the process's end."""

    def __init__(self, real: object, steps: list[int]) -> None:
        self._real = real
        self._steps = steps

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._real, name)

        async def call(*args: Any, **more: Any) -> Any:
            if name != "putconn":  # it must go back to the pool whatever happens
                self._step()
            result = await real(*args, **more)
            self._step()
            return result

        return call

    def _step(self) -> None:
        self._steps[0] -= 1
        if self._steps[0] == 0:
            raise Crash


def fragile_eraser(log: ShelfLog, nats: Client, crash_after_steps: int) -> Eraser:
    """An eraser whose process dies at a step."""
    steps = [crash_after_steps]
    return Eraser(
        "shelf",
        cast("Pool", Fragile(log.pool, steps)),
        cast("JetStreamContext", Fragile(nats.jetstream(), steps)),
        [LIVE_PURGE],
    )
