"""The relay's view of the log: rows in the order of publication, and how far it came.

A row is visible only below `xmin`: no transaction that is still open can put one before it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson

from lingxi_chassis.postgres import Connection
from lingxi_contracts.subjects import event_subject


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The last row known to be in the stream, and the stream's sequence of it.

    `stream_created` tells one life of the stream from the next.
    """

    stream_created: str
    stream_seq: int
    xid: str
    position: int

    def after(self, rows: Sequence["LogRow"]) -> "Checkpoint":
        """The checkpoint once these rows, the next ones, are in."""
        if not rows:
            return self
        last = rows[-1]
        return replace(
            self, stream_seq=self.stream_seq + len(rows), xid=last.xid, position=last.position
        )


@dataclass(frozen=True, slots=True)
class LogRow:
    """One row of the log. `data` is JSON text; None: erased."""

    position: int
    xid: str
    event_id: UUID
    stream_id: UUID
    version: int
    type: str
    user_id: UUID
    occurred_at: datetime
    data: str | None
    metadata: dict[str, str] | None

    def subject(self, owner: str) -> str:
        """Where it is published."""
        return event_subject(owner, self.type, self.user_id, self.stream_id)

    def envelope(self, owner: str) -> bytes:
        """It as CloudEvents JSON; equal to `Envelope.model_dump_json` but for spacing.

        Put together by hand: this is the hot path of the relay, and `data` is JSON already.
        """
        head: dict[str, Any] = {
            "specversion": "1.0",
            "id": str(self.event_id),
            "source": f"/lingxi/{owner}",
            "type": self.type,
            "subject": str(self.stream_id),
            "time": self.occurred_at.astimezone(UTC),
            "datacontenttype": "application/json",
            "userid": str(self.user_id),
            "sequence": str(self.version),
            "position": str(self.position),
        }
        for key, name in (("correlation_id", "correlationid"), ("causation_id", "causationid")):
            if self.metadata and key in self.metadata:
                head[name] = self.metadata[key]
        start = orjson.dumps(head, option=orjson.OPT_UTC_Z)
        return b'%s,"data":%s}' % (start[:-1], (self.data or "null").encode())


_ROW = """
    select position, xid::text as xid_text, event_id, stream_id, version, type, user_id,
           occurred_at, data::text, metadata
    from events
"""
_READ = f"""{_ROW}
    where (xid, position) > (%(xid)s::xid8, %(position)s)
      and xid < pg_snapshot_xmin(pg_current_snapshot())
    order by xid, position
    limit %(limit)s
""".encode()
_READ_ONE = f"{_ROW} where event_id = %(event_id)s".encode()


async def read_rows(connection: Connection, after: Checkpoint, limit: int) -> list[LogRow]:
    """The next rows after a checkpoint, at most `limit`."""
    params = {"xid": after.xid, "position": after.position, "limit": limit}
    cursor = await connection.execute(_READ, params)
    return [LogRow(*row) for row in await cursor.fetchall()]


async def read_row(connection: Connection, event_id: UUID) -> LogRow | None:
    """The row of one event."""
    cursor = await connection.execute(_READ_ONE, {"event_id": event_id})
    row = await cursor.fetchone()
    return LogRow(*row) if row else None


async def skip_rows(connection: Connection, after: Checkpoint, count: int) -> Checkpoint | None:
    """The checkpoint `count` rows further on; None: the log has fewer."""
    cursor = await connection.execute(
        """
        select xid::text as xid_text, position from events
        where (xid, position) > (%(xid)s::xid8, %(position)s)
        order by xid, position offset %(skip)s limit 1
        """,
        {"xid": after.xid, "position": after.position, "skip": count - 1},
    )
    row = await cursor.fetchone()
    if row is None:
        return None
    return Checkpoint(after.stream_created, after.stream_seq + count, row[0], row[1])


async def event_id_at(connection: Connection, checkpoint: Checkpoint) -> str | None:
    """The event that a checkpoint stands on."""
    cursor = await connection.execute(
        "select event_id::text from events where xid = %(xid)s::xid8 and position = %(position)s",
        {"xid": checkpoint.xid, "position": checkpoint.position},
    )
    row = await cursor.fetchone()
    return None if row is None else str(row[0])


async def before_young_rows(connection: Connection, max_age_seconds: float) -> tuple[str, int]:
    """`(xid, position)` of the newest row that the stream would have forgotten; else the start."""
    cursor = await connection.execute(
        """
        select xid::text as xid_text, position from events
        where occurred_at < now() - make_interval(secs => %(age)s)
        order by xid desc, position desc limit 1
        """,
        {"age": max_age_seconds},
    )
    row = await cursor.fetchone()
    return (row[0], row[1]) if row else ("0", 0)


async def load_checkpoint(connection: Connection) -> Checkpoint:
    """How far the relay came, at least."""
    cursor = await connection.execute(
        "select stream_created, stream_seq, xid::text, position from relay_checkpoint"
    )
    row = await cursor.fetchone()
    if row is None:
        raise LookupError("the log has no relay_checkpoint row; was it migrated?")
    return Checkpoint(*row)


async def save_checkpoint(connection: Connection, checkpoint: Checkpoint) -> None:
    """Remember how far the relay came."""
    await connection.execute(
        "update relay_checkpoint set stream_created = %(created)s, stream_seq = %(seq)s,"
        " xid = %(xid)s::xid8, position = %(position)s",
        {
            "created": checkpoint.stream_created,
            "seq": checkpoint.stream_seq,
            "xid": checkpoint.xid,
            "position": checkpoint.position,
        },
    )
