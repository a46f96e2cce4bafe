"""Folding the log in batches, with the projections' own SQL.

Batches follow `(xid, position)`, hence each stream's versions. What a projection finds in `logged`
and `appended` differs from an append in two ways that folds must bear:

1. `logged` holds many events of many streams; `appended` holds each of their streams as it is now,
   which may be ahead of the batch. What is ahead comes in a later batch. So a fold that copies from
   `appended.state` names all the tags that change what it copies.
2. Of an erased stream only the tombstone comes, never an event without data.

Each projection is a statement of its own, in the order they are listed: a later one sees what an
earlier one wrote.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from lingxi_chassis.eventlog import Projection
from lingxi_chassis.postgres import Connection


@dataclass(frozen=True, slots=True)
class Place:
    """The last row of the log that is folded."""

    xid: str = "0"
    position: int = 0


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows after one place up to another."""

    after: Place
    to: Place
    rows: int
    types: frozenset[str]


_BOUNDS = """
    with batch as (
        select xid, position, type from events
        where (xid, position) > (%(xid)s::xid8, %(position)s)
          and (%(all)s or xid < pg_snapshot_xmin(pg_current_snapshot()))
        order by xid, position limit %(limit)s
    )
    select count(*), array_agg(distinct type),
           (array_agg(xid::text order by xid desc, position desc))[1],
           (array_agg(position order by xid desc, position desc))[1]
    from batch
"""


async def next_batch(
    connection: Connection, after: Place, limit: int, *, no_writers: bool = False
) -> Batch | None:
    """The next rows, at most `limit`; None: there are none.

    A row counts once nothing can come before it any more, as for the relay; with `no_writers` the
    caller holds all appends off, and every row there is counts.
    """
    cursor = await connection.execute(
        _BOUNDS.encode(),
        {"xid": after.xid, "position": after.position, "limit": limit, "all": no_writers},
    )
    row = await cursor.fetchone()
    if row is None or row[0] == 0:
        return None
    return Batch(after, Place(row[2], row[3]), row[0], frozenset(row[1]))


async def fold(connection: Connection, batch: Batch, projections: Sequence[Projection]) -> None:
    """Run the projections that a batch concerns, in the caller's transaction and search path."""
    params = {
        "after_xid": batch.after.xid,
        "after_position": batch.after.position,
        "to_xid": batch.to.xid,
        "to_position": batch.to.position,
    }
    for projection in projections:
        if batch.types & projection.tags:
            tags = {"tags": list(projection.tags)}
            await connection.execute(_statement(projection), params | tags)


def _statement(projection: Projection) -> bytes:
    return f"""
        with logged as (
            select e.position, e.event_id, e.stream_id, e.version, e.type, e.user_id,
                   e.occurred_at, e.data
            from events e join streams s on s.stream_id = e.stream_id
            where (e.xid, e.position) > (%(after_xid)s::xid8, %(after_position)s)
              and (e.xid, e.position) <= (%(to_xid)s::xid8, %(to_position)s)
              and (s.state is not null or e.version = s.version)
        ), appended as (
            select stream_id, user_id, version, state from streams
            where stream_id = any (array (
                select stream_id from logged where type = any (%(tags)s)
            ))
        ), {projection.name} as ({projection.sql})
        select
        """.encode()
