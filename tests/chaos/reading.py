"""What a system keeps, read past everything that could hide it: databases and streams."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from ssl import SSLContext
from typing import Any
from urllib.parse import urlsplit

import nats
import psycopg
from nats.aio.client import Client
from nats.js.api import ConsumerConfig, DeliverPolicy
from nats.js.errors import ServiceUnavailableError
from psycopg import IsolationLevel, sql

from lingxi_contracts.envelope import Envelope

STREAM_SECONDS_MAX = 30.0
FETCH_SECONDS_MAX = 2.0
KNOWN_POLL_SECONDS = 0.01

type Messages = dict[str, list[tuple[int, str, str, str]]]
"""`(seq, message id, author, text)` by session, in order; superseded ones too."""


@dataclass(frozen=True, slots=True)
class Logged:
    """One row of an owner's log. `session_id`: its stream; `place`: in the order of the log."""

    session_id: str
    version: int
    type: str
    data: dict[str, Any] | None
    event_id: str = ""
    user_id: str = ""
    at: datetime | None = None
    place: int = 0


@dataclass(frozen=True, slots=True)
class Chat:
    """Chat's log and its read model at one moment. `superseded`: ids of what readers don't see."""

    log: list[Logged]
    messages: Messages
    superseded: set[str]


def read_chat(database_url: str) -> Chat:
    """What chat keeps; agents may go on writing meanwhile."""
    with psycopg.connect(database_url) as connection:
        connection.isolation_level = IsolationLevel.REPEATABLE_READ
        log = _log(connection)
        rows = connection.execute(
            "select session_id::text, seq, message_id::text, author, text, superseded_by"
            " from messages order by session_id, seq"
        ).fetchall()
    messages: Messages = defaultdict(list)
    for session_id, *message, _ in rows:
        messages[session_id].append(tuple(message))
    return Chat(log, messages, {row[2] for row in rows if row[-1] is not None})


def read_log(database_url: str) -> list[Logged]:
    """An owner's log, by stream and version."""
    with psycopg.connect(database_url) as connection:
        return _log(connection)


def _log(connection: psycopg.Connection) -> list[Logged]:
    rows = connection.execute(
        "select stream_id::text, version, type, data, event_id::text, user_id::text, occurred_at,"
        " row_number() over (order by xid, position) from events order by stream_id, version"
    ).fetchall()
    return [Logged(*row) for row in rows]


def open_erasures(database_urls: Iterable[str]) -> int:
    """How many streams are not fully erased yet."""
    found = 0
    for url in database_urls:
        with psycopg.connect(url) as connection:
            row = connection.execute("select count(*) from erasures").fetchone()
            found += row[0] if row else 0
    return found


def all_rows(database_url: str) -> str:
    """Every row of every table of every schema, as text."""
    with psycopg.connect(database_url) as connection:
        tables = connection.execute(
            "select schemaname, tablename from pg_tables"
            " where schemaname not in ('pg_catalog', 'information_schema')"
        ).fetchall()
        found: list[str] = []
        for table in tables:
            query = sql.SQL("select one_row::text from {} one_row").format(sql.Identifier(*table))
            found += [row[0] for row in connection.execute(query).fetchall()]
    return "\n".join(found)


async def read_stream(nats_url: str, stream: str, tls: SSLContext | None = None) -> list[Envelope]:
    """Everything in a stream, in its order."""
    bodies = await _bodies(nats_url, stream, tls)
    return [Envelope.model_validate_json(body) for body in bodies]


async def all_messages(
    nats_url: str, names: Sequence[str] = (), tls: SSLContext | None = None
) -> str:
    """Every message of these streams, of all by default, as text."""
    if not names:
        client = await _connect(nats_url, tls)
        names = [info.config.name or "" for info in await client.jetstream().streams_info()]
        await client.close()
    bodies = [body for name in names for body in await _bodies(nats_url, name, tls)]
    return b"\n".join(bodies).decode(errors="replace")


async def _connect(nats_url: str, tls: SSLContext | None) -> Client:
    prefix = f"_INBOX_{urlsplit(nats_url).username}"  # the one that this user may hear
    return await nats.connect(nats_url, inbox_prefix=prefix, tls=tls)


async def _bodies(nats_url: str, stream: str, tls: SSLContext | None) -> list[bytes]:
    client = await _connect(nats_url, tls)
    js = client.jetstream()
    info = await js.stream_info(stream)
    bodies: list[bytes] = []
    subscription = await js.pull_subscribe(
        "", stream=stream, config=ConsumerConfig(deliver_policy=DeliverPolicy.ALL)
    )
    # Fewer come than were counted when an erasure deletes some meanwhile.
    with suppress(TimeoutError):
        async with asyncio.timeout(STREAM_SECONDS_MAX):
            while len(bodies) < info.state.messages:
                try:
                    messages = await subscription.fetch(500, timeout=FETCH_SECONDS_MAX)
                except ServiceUnavailableError:  # in a cluster, not everybody knows of it yet
                    await asyncio.sleep(KNOWN_POLL_SECONDS)
                    continue
                for message in messages:
                    bodies.append(message.data)
                    await message.ack()
    await client.close()
    return bodies
