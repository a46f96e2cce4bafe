"""Where a text is found in all that an installation keeps and says."""

import asyncio
from collections.abc import Iterator, Mapping
from pathlib import Path

import nats
import psycopg
from nats.js import JetStreamContext
from psycopg import sql

from tests.fixtures.system import RunningSystem

OWNERS = ("gateway", "chat", "agent", "scheduler")
NOT_SEARCHED = "pg_wal"
"""Postgres' log of writes: it keeps what was written until its segments are used again."""
CHUNK_BYTES = 1024 * 1024

type Message = tuple[str, bytes]
"""Subject and body."""


def in_databases(system: RunningSystem, text: str) -> set[str]:
    """The tables, of every database and schema, with a row that holds the text.

    Samples in the planner's statistics are rows of `pg_catalog.pg_stats`.
    """
    return {
        f"{owner}.{table}"
        for owner in OWNERS
        for table in _tables_with(superuser_url(system, owner), text)
    }


def superuser_url(system: RunningSystem, owner: str) -> str:
    """An owner's database, as somebody who may look into everything."""
    return f"{system.local.servers.database_server_url.rsplit('/', 1)[0]}/lingxi_{owner}"


def _tables_with(url: str, text: str) -> Iterator[str]:
    with psycopg.connect(url, autocommit=True) as connection:
        tables = connection.execute(
            "select schemaname, tablename from pg_tables where schemaname not in"
            " ('pg_catalog', 'information_schema')"
            " union all values ('pg_catalog'::name, 'pg_stats'::name)"
        ).fetchall()
        for schema, table in tables:
            holding = sql.SQL("select 1 from {} one_row where one_row::text like %s limit 1")
            query = holding.format(sql.Identifier(schema, table))
            if connection.execute(query, (f"%{text}%",)).fetchone():
                yield table


async def messages_in(system: RunningSystem) -> dict[str, list[Message]]:
    """All messages of every stream."""
    async with await nats.connect(system.local.servers.nats_admin_url) as client:
        js = client.jetstream()
        names = [info.config.name or "" for info in await js.streams_info()]
        return {name: await _read(js, name) for name in names}


async def _read(js: JetStreamContext, stream: str) -> list[Message]:
    """Every message of a stream, by number."""
    state = (await js.stream_info(stream)).state
    found: list[Message] = []
    seq = 0
    while seq < state.last_seq and len(found) < state.messages:
        message = await js.get_msg(stream, seq=seq + 1, subject=">", next=True)
        assert message.seq is not None
        seq = message.seq
        found.append((message.subject or "", message.data or b""))
    return found


async def in_streams(system: RunningSystem, text: str) -> set[str]:
    """The streams with a message that holds the text, in its subject or body."""
    return {
        name
        for name, messages in (await messages_in(system)).items()
        if any(text in subject or text.encode() in body for subject, body in messages)
    }


async def in_files(system: RunningSystem, text: str) -> set[str]:
    """The kinds of files, under all that is an installation's, that hold the text.

    By folder: `postgres` or `nats`, or the file's own name. Files that go away meanwhile are not.
    """
    return await asyncio.to_thread(_in_files, system, text.encode())


def _in_files(system: RunningSystem, text: bytes) -> set[str]:
    found: set[str] = set()
    for place in system.local.data_places:
        for path in place.rglob("*"):
            if NOT_SEARCHED not in path.parts and path.is_file() and _holds(path, text):
                found.add("postgres" if "base" in path.parts else path.relative_to(place).parts[0])
    return found


def _holds(path: Path, text: bytes) -> bool:
    try:
        with path.open("rb") as file:
            rest = b""
            while chunk := file.read(CHUNK_BYTES):
                if text in rest + chunk:
                    return True
                rest = chunk[-len(text) :]
    except FileNotFoundError:
        pass
    return False


def rewrite_tables(system: RunningSystem) -> None:
    """As an operator's `vacuum full`: no file holds rows that were deleted, or were otherwise."""
    for owner in OWNERS:
        with psycopg.connect(superuser_url(system, owner), autocommit=True) as connection:
            connection.execute("vacuum (full, analyze)")
            connection.execute("checkpoint")


def open_erasures(system: RunningSystem) -> int:
    """How many streams are not fully erased yet, of all owners."""
    return sum(count(system, owner, "select count(*) from erasures", {}) for owner in OWNERS)


def count(system: RunningSystem, owner: str, query: str, params: Mapping[str, object]) -> int:
    """What a query counts in an owner's database."""
    with psycopg.connect(superuser_url(system, owner), autocommit=True) as connection:
        row = connection.execute(query.encode(), params).fetchone()
        assert row is not None
        return int(row[0])
