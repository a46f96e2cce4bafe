"""Rebuild of `streams`: each snapshot folded from its events and compared with the row.

A row that differs is replaced, one that is missing is made, while the service runs: the replacement
is bound to the version that was folded. A command that had loaded the old state may still append on
it, for a replacement keeps the version; so passes are made until one finds nothing to replace.
Begun again after a crash, it finds the rest.
A process that keeps old states for long (`eventlog.recent`) is to be restarted first, as it is when
`evolve` changed, which is what a new state comes from.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, cast
from uuid import UUID

import structlog

from lingxi_chassis.clock import monotonic
from lingxi_chassis.eventlog import EventLog
from lingxi_chassis.postgres import Row, fetch_all
from lingxi_contracts.base import Event

PAGE_ROWS = 500
BATCH_STREAMS = 200
CHASES_MAX = 20
"""Times a stream is folded further because it moved on meanwhile."""
PASSES_MAX = 10
IN_FLIGHT_SECONDS = 5.0
"""Between passes: for commands under way. No caller waits longer for one."""

log = structlog.get_logger(__name__)

_PAGE = """
    select stream_id, version, user_id, type, occurred_at, data::text from events
    where (stream_id, version) > (%(stream_id)s, %(version)s)
    order by stream_id, version limit %(limit)s
"""
_MORE = """
    select stream_id, version, user_id, type, occurred_at, data::text from events
    where stream_id = %(stream_id)s and version > %(version)s
    order by version limit %(limit)s
"""
# The log wins, up to the version that was folded. A stream's xid is that of its last event.
# Comes back: what differed, and whether it was put right. If not, the stream has moved on, maybe
# while the statement waited for the append that did it.
_COMPARE = """
    with folded as (
        select f.*, e.xid from unnest(
            %(streams)s::uuid[], %(users)s::uuid[], %(versions)s::int[], %(states)s::text[]
        ) as f (stream_id, user_id, version, state)
        join events e on e.stream_id = f.stream_id and e.version = f.version
    ), replaced as (
        update streams s
        set user_id = f.user_id, version = f.version, xid = f.xid, state = f.state::jsonb
        from folded f
        where s.stream_id = f.stream_id and s.version <= f.version
          and (s.version, s.user_id, s.state)
              is distinct from (f.version, f.user_id, f.state::jsonb)
        returning s.stream_id
    ), made as (
        insert into streams (stream_id, user_id, version, xid, state)
        select stream_id, user_id, version, xid, state::jsonb from folded f
        where not exists (select from streams s where s.stream_id = f.stream_id)
        on conflict (stream_id) do nothing
        returning stream_id
    ), put_right as (
        select stream_id from replaced union all select stream_id from made
    )
    select f.stream_id, f.stream_id in (select stream_id from put_right)
    from folded f left join streams s on s.stream_id = f.stream_id
    where (s.version, s.user_id, s.state) is distinct from (f.version, f.user_id, f.state::jsonb)
"""


@dataclass(frozen=True, slots=True)
class Refolded:
    """What a rebuild of snapshots found, over all passes; `streams` is of the last one.

    `unsettled` streams kept moving or kept differing until the end, and may still do.
    """

    streams: int
    events: int
    replaced: int
    unsettled: int
    passes: int
    seconds: float

    @property
    def events_per_second(self) -> float:
        """Of the whole rebuild."""
        return self.events / self.seconds if self.seconds else 0.0


@dataclass(frozen=True, slots=True)
class _Folded[S]:
    stream_id: UUID
    user_id: UUID
    version: int
    state: S
    erased: bool


async def rebuild_snapshots[S, E: Event](
    eventlog: EventLog[S, E], events: Mapping[str, type[Event]], tombstones: frozenset[str]
) -> Refolded:
    """Fold every stream and put the snapshots right.

    `events` are the owner's event classes by tag; after an event of `tombstones` a state is null.

    Raises:
        LookupError: the log holds an event of a tag that is not in `events`.
        Unavailable: the database is away; what is done is done.
    """
    work = _Refolding(eventlog, events, tombstones)
    began = monotonic()
    passes = 1
    while await work.run_pass() and passes < PASSES_MAX:
        passes += 1
        await commands_end()
    refolded = Refolded(
        work.streams, work.events, work.replaced, work.unsettled, passes, monotonic() - began
    )
    log.info("snapshots_rebuilt", streams=refolded.streams, replaced=refolded.replaced)
    return refolded


async def commands_end() -> None:
    """Until every command is over that is under way now."""
    await asyncio.sleep(IN_FLIGHT_SECONDS)


class _Refolding[S, E: Event]:
    def __init__(
        self, eventlog: EventLog[S, E], types: Mapping[str, type[Event]], tombstones: frozenset[str]
    ) -> None:
        self._log = eventlog
        self._types = types
        self._tombstones = tombstones
        self.streams = self.events = self.replaced = self.unsettled = 0

    async def run_pass(self) -> int:
        """Settle every stream; how many were not as they should be."""
        replaced_before = self.replaced
        self.streams = self.unsettled = 0
        batch: list[_Folded[S]] = []
        async for folded in self.all_streams():
            batch.append(folded)
            if len(batch) == BATCH_STREAMS:
                await self.settle(batch)
                batch = []
        await self.settle(batch)
        replaced = self.replaced - replaced_before
        return replaced + self.unsettled

    async def all_streams(self) -> AsyncGenerator[_Folded[S]]:
        """Every stream, folded, in the order of ids."""
        current: _Folded[S] | None = None
        place: dict[str, Any] = {"stream_id": UUID(int=0), "version": 0, "limit": PAGE_ROWS}
        while rows := await fetch_all(self._log.pool, _PAGE, place):
            for row in rows:
                if current is not None and current.stream_id != row[0]:
                    yield current
                    current = None
                current = self._after(current or self._nothing(row), row)
            place |= {"stream_id": rows[-1][0], "version": rows[-1][1]}
        if current is not None:
            yield current

    async def settle(self, batch: Sequence[_Folded[S]]) -> None:
        """Compare and replace; what moved on meanwhile is folded further and compared again."""
        self.streams += len(batch)
        for _ in range(CHASES_MAX):
            if not batch:
                return
            moved = await self._compare(batch)
            batch = [await self._further(one) for one in batch if one.stream_id in moved]
        self.unsettled += len(batch)

    async def _compare(self, batch: Sequence[_Folded[S]]) -> set[UUID]:
        params = {
            "streams": [one.stream_id for one in batch],
            "users": [one.user_id for one in batch],
            "versions": [one.version for one in batch],
            "states": [None if one.erased else self._json(one.state) for one in batch],
        }
        rows = await fetch_all(self._log.pool, _COMPARE, params)
        self.replaced += sum(1 for row in rows if row[1])
        return {row[0] for row in rows if not row[1]}

    async def _further(self, one: _Folded[S]) -> _Folded[S]:
        while rows := await fetch_all(
            self._log.pool,
            _MORE,
            {"stream_id": one.stream_id, "version": one.version, "limit": PAGE_ROWS},
        ):
            for row in rows:
                one = self._after(one, row)
        return one

    def _nothing(self, row: Row) -> _Folded[S]:
        return _Folded(row[0], row[2], 0, self._log.initial, erased=False)

    def _after(self, one: _Folded[S], row: Row) -> _Folded[S]:
        _, version, _, tag, at, data = row
        self.events += 1
        if data is None:
            return replace(one, version=version, erased=True)
        state = self._log.evolve(one.state, self._event(tag, data), cast("datetime", at))
        erased = one.erased or tag in self._tombstones
        return replace(one, version=version, state=state, erased=erased)

    def _event(self, tag: str, data: str) -> E:
        kind = self._types.get(tag)
        if kind is None:
            raise LookupError(f"no event class for {tag}")
        return cast("E", kind.model_validate_json(data))

    def _json(self, state: S) -> str:
        return self._log.state.dump_json(state).decode()
