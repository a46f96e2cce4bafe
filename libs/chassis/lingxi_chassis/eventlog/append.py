"""Append: one statement that is the whole transaction of a command.

It moves the stream's snapshot from the version the command decided on, writes the events, and runs
the projections and effects that belong to them. Either all of it is committed or nothing.

Invariants:
1. A stream's versions are 1, 2, 3, … without gaps: the update is a compare-and-set on `version`.
2. `(xid, position)` orders the events of one stream by version. The update refuses a transaction
   whose xid is older than the stream's last one: it would be published before its predecessor.
3. A guard that does not hold leaves no trace.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

import orjson
from psycopg.errors import CheckViolation, DeadlockDetected, UniqueViolation
from pydantic import TypeAdapter

from lingxi_chassis import tracing
from lingxi_chassis.context import current_metadata
from lingxi_chassis.eventlog.recent import Recent
from lingxi_chassis.eventlog.schema import FITS_CONSTRAINT
from lingxi_chassis.eventlog.snapshot import Snapshot
from lingxi_chassis.ids import new_id
from lingxi_chassis.postgres import AWAY, Pool, Row, borrowed, fetch_one
from lingxi_chassis.tracing import Kind
from lingxi_contracts.base import Event
from lingxi_contracts.errors import PayloadTooLarge, Refusal, Unavailable

EVENT_BYTES_MAX = 512 * 1024
"""Of one event's data as it is written; what is larger could not be published."""


class Conflict(Exception):
    """The stream has moved on since it was loaded: load and decide again."""


class GuardLost(Exception):
    """The guard of this append does not hold any more; nothing was written."""


@dataclass(frozen=True, slots=True)
class Projection:
    """A read model's fold, in SQL: run within the append when one of `tags` is in it.

    `logged(position, event_id, stream_id, version, type, user_id, occurred_at, data)` holds the
    new events and `appended(stream_id, user_id, version, state)` the new snapshot. One fold must
    not depend on what another writes in the same statement.
    """

    name: str
    tags: frozenset[str]
    sql: str


@dataclass(frozen=True, slots=True)
class Clause:
    """A statement that belongs to one append: what it does beside, such as a work row, which
    selects from `appended`; what must hold; or what is read with it."""

    name: str
    sql: str
    params: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True)
class EventLog[S, E: Event]:
    """The log of one owner, with one kind of stream.

    `evolve` folds events into state; `taken` maps unique constraints to the refusal they mean;
    `on_append` wakes the relay. `on_change` is told whose stream moved, before the command is
    answered; also where there was nothing to do, as whoever did it may have died untold. `recent`
    keeps what was appended here last, if an owner wants it.
    """

    pool: Pool
    state: TypeAdapter[S]
    initial: S
    evolve: Callable[[S, E, datetime], S]
    projections: Sequence[Projection] = ()
    taken: Mapping[str, type[Refusal]] = field(default_factory=dict[str, type[Refusal]])
    on_append: Callable[[], None] = lambda: None
    on_change: Callable[[UUID], None] = lambda _: None
    recent: Recent[S] = field(default_factory=Recent[S])

    async def load(self, stream_id: UUID, user_id: UUID) -> Snapshot[S] | None:
        """The stream if it exists, belongs to the user, and is not erased."""
        row = await fetch_one(
            self.pool,
            "select version, state::text from streams"
            " where stream_id = %(stream_id)s and user_id = %(user_id)s and state is not null",
            {"stream_id": stream_id, "user_id": user_id},
        )
        return None if row is None else self.snapshot(stream_id, user_id, row[0], row[1])

    async def exists(self, stream_id: UUID) -> bool:
        """Whether the stream was ever begun, by whomever, erased ones too."""
        sql = "select 1 from streams where stream_id = %(stream_id)s"
        return await fetch_one(self.pool, sql, {"stream_id": stream_id}) is not None

    def snapshot(self, stream_id: UUID, user_id: UUID, version: int, state: str) -> Snapshot[S]:
        """A stream that a query of the owner's own found: `state` as JSON text."""
        return Snapshot(stream_id, user_id, version, self.state.validate_json(state))

    def new(self, stream_id: UUID, user_id: UUID) -> Snapshot[S]:
        """A stream that does not exist yet."""
        return Snapshot(stream_id, user_id, 0, self.initial)

    async def append(
        self,
        snapshot: Snapshot[S],
        events: Sequence[E],
        at: datetime,
        *,
        guard: Clause | None = None,
        effects: Sequence[Clause] = (),
        erase: bool = False,
    ) -> Snapshot[S]:
        """Append events decided on `snapshot`; the new snapshot. No events: nothing is done.

        With `erase` the stream's state becomes null: no later command finds it. A `guard` is a
        select, `for update` where another could change what it saw: it must not write, for what
        it wrote would stay when the append meets a conflict.

        Raises:
            Conflict: the stream moved on (or exists already, for a new one), or a deadlock.
            GuardLost: `guard` selected no row.
            Refusal: a unique constraint in `taken`.
            PayloadTooLarge: an event over `EVENT_BYTES_MAX`.
            Unavailable: the database is away.
        """
        if not events:
            self.on_change(snapshot.user_id)
            return snapshot
        appended, _ = await self.append_and_read(
            snapshot, events, at, None, guard=guard, effects=effects, erase=erase
        )
        return appended

    async def append_and_read(
        self,
        snapshot: Snapshot[S],
        events: Sequence[E],
        at: datetime,
        reading: Clause | None,
        *,
        guard: Clause | None = None,
        effects: Sequence[Clause] = (),
        erase: bool = False,
    ) -> tuple[Snapshot[S], list[Row]]:
        """As `append`, of one event at least; with it the rows of `reading`, a select, in no order.

        They are of the version the events were decided on: all that it has is in them, and nothing
        that this append writes. A row of nulls: there was none. Raises as `append`.
        """
        assert events
        assert guard is None or guard.sql.lstrip().startswith("select")
        state = snapshot.state
        for event in events:
            state = self.evolve(state, event, at)
        params: dict[str, Any] = {
            "stream_id": snapshot.stream_id,
            "user_id": snapshot.user_id,
            "expected": snapshot.version,
            "added": len(events),
            "state": None if erase else self.state.dump_json(state).decode(),
            "at": at,
            "events": _rows(events),
            "metadata": orjson.dumps(current_metadata()).decode(),
        }
        for clause in (*effects, guard, reading):
            if clause is not None:
                params |= clause.params
        tags = {event.tag for event in events}
        folds = tuple((p.name, p.sql) for p in self.projections if tags & p.tags)
        statement = _statement(
            snapshot.version == 0,
            guard.sql if guard else None,
            folds + tuple((clause.name, clause.sql) for clause in effects),
            (reading.name, reading.sql) if reading else None,
        )
        rows = await self._run(statement, params)
        version, held = rows[0][:2]
        if version is None:
            self.recent.drop(snapshot.stream_id)
            raise Conflict if guard is None or held else GuardLost
        self.on_append()
        self.on_change(snapshot.user_id)
        appended = Snapshot(snapshot.stream_id, snapshot.user_id, version, state)
        if erase:
            self.recent.drop(snapshot.stream_id)
        else:
            self.recent.put(appended)
        return appended, [row[2:] for row in rows]

    async def _run(self, statement: bytes, params: dict[str, Any]) -> list[Row]:
        """At least one row: the new version, whether the guard held, and what was read."""
        try:
            async with borrowed(self.pool) as connection:
                with tracing.span("append", Kind.ASKS):
                    return await (await connection.execute(statement, params)).fetchall()
        except UniqueViolation as error:
            self.recent.drop(params["stream_id"])
            refusal = self.taken.get(error.diag.constraint_name or "")
            if refusal is None:
                raise Conflict from error
            raise refusal from error
        except CheckViolation as error:
            if error.diag.constraint_name == FITS_CONSTRAINT:
                raise PayloadTooLarge(bytes_max=EVENT_BYTES_MAX) from error
            raise
        except DeadlockDetected as error:
            raise Conflict from error
        except AWAY as error:
            raise Unavailable from error


def _rows(events: Sequence[Event]) -> str:
    """The events as one JSON array: a single parameter, however many there are."""
    rows: list[bytes] = []
    for event in events:
        data = event.model_dump_json().encode()
        if len(data) > EVENT_BYTES_MAX:
            raise PayloadTooLarge(bytes_max=EVENT_BYTES_MAX)
        rows.append(
            b'{"id":"%s","type":"%s","data":%s}'
            % (
                str(new_id()).encode(),
                event.tag.encode(),
                data,
            )
        )
    return (b"[" + b",".join(rows) + b"]").decode()


@lru_cache(maxsize=256)
def _statement(
    create: bool,
    guard: str | None,
    clauses: tuple[tuple[str, str], ...],
    reading: tuple[str, str] | None,
) -> bytes:
    """The text of an append. Few shapes exist, so that each stays a prepared statement.

    It locks tables in the order in which they stand here: `streams` is to come first, where a
    rebuild holds appends off. Hence what is read is the last part, and not one of the last select.
    """
    held = f"held as materialized ({guard})," if guard else ""
    if_held = "and exists (select from held)" if guard else ""
    if create:
        move = f"""
            insert into streams (stream_id, user_id, version, state)
            select %(stream_id)s, %(user_id)s, %(added)s, %(state)s::jsonb
            where %(expected)s = 0 {if_held}
            on conflict (stream_id) do nothing"""
    else:
        move = f"""
            update streams
            set version = version + %(added)s, xid = pg_current_xact_id(), state = %(state)s::jsonb
            where stream_id = %(stream_id)s and user_id = %(user_id)s
              and version = %(expected)s and xid <= pg_current_xact_id() {if_held}"""
    rest = "".join(f",\n{name} as ({sql})" for name, sql in clauses)
    read = ""
    if reading:
        name, sql = reading
        rest += f",\n{name} as materialized ({sql})"
        read = f", {name}.* from (select) one left join {name} on true"
    statement = f"""
        with {held} appended as ({move}
            returning stream_id, user_id, version, state
        ), logged as (
            insert into events
                (event_id, stream_id, version, type, user_id, occurred_at, data, metadata)
            select e.id, a.stream_id, %(expected)s + e.n, e.type, a.user_id, %(at)s, e.data,
                   %(metadata)s::jsonb
            from appended a, rows from (
                jsonb_to_recordset(%(events)s::jsonb) as (id uuid, type text, data jsonb)
            ) with ordinality as e (id, type, data, n)
            order by e.n
            returning position, event_id, stream_id, version, type, user_id, occurred_at, data
        ){rest}
        select (select version from appended), {"exists (select from held)" if guard else "true"}
        {read}
        """
    # The driver reads a statement of more than 4,096 characters anew each time.
    return "\n".join(filter(None, map(str.strip, statement.splitlines()))).encode()
