"""Rebuild of an owner's read models: folded into shadow tables, which then take their place.

Invariants:
1. Until the swap nobody sees the shadow; the swap is one transaction.
2. Nothing appended is missed and nothing is folded twice. The swap holds appends off by a lock on
   `streams`, which every append writes first, waits for those under way, folds what is left, and
   lets them go on in the new tables. They wait for milliseconds; readers wait for the end of it.
3. A rebuild that dies leaves the live tables as they were. It is not resumed but begun anew. Its
   shadow goes with it; if it could not see to that, at the next erasure or start (`leftovers`).
4. Keys are unique in the shadow once it is at the end of the log, not on the way: rows may be ahead
   of their batch (`folding`), so that a key that changes hands is seen with both. Unique indexes
   are built before the lock if they can be, so as not to build them under it, where they must be.

Transactions are a batch long, but for building indexes, once at the end: while one is open it
holds the relays of the cluster back.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import structlog
from psycopg.errors import DeadlockDetected, LockNotAvailable, UniqueViolation

from lingxi_chassis import postgres
from lingxi_chassis.clock import monotonic
from lingxi_chassis.connections import Connection, connect
from lingxi_chassis.eventlog import Projection
from lingxi_chassis.rebuild.folding import Place, fold, next_batch
from lingxi_chassis.rebuild.shadow import Shadow, Unique

REBUILD_LOCK = 0x6C787262
"""Advisory lock: one rebuild an owner at a time."""
BATCH_ROWS = 1_000
LOCK_MS_MAX = 200
"""What a swap waits for a lock, and appends for the swap that waits; then it lets go."""
SWAPS_MAX = 40
SWAP_PAUSE_SECONDS = 0.25
HOLD_OFF = b"lock table streams in share row exclusive mode"

type Mark = tuple[Place, int, list[Unique]]

log = structlog.get_logger(__name__)


class RebuildBusy(Exception):
    """Another rebuild of this owner is under way."""


class RebuildStalled(Exception):
    """The read models are never free for the swap: something holds locks on them for long."""


@dataclass(frozen=True, slots=True)
class ReadModels:
    """What a rebuild makes: the tables' own DDL, and the projections that fill them.

    Names in the DDL carry no schema. A fold's conflict target is a primary key.
    """

    create: Sequence[str]
    projections: Sequence[Projection]


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What a rebuild did; `swap_seconds` is how long appends were held off."""

    tables: tuple[str, ...]
    events: int
    seconds: float
    swap_seconds: float
    swap_tries: int

    @property
    def events_per_second(self) -> float:
        """Of the whole rebuild, indexes and swap included."""
        return self.events / self.seconds if self.seconds else 0.0


async def rebuild_read_models(
    database_url: str, read_models: ReadModels, batch_rows: int = BATCH_ROWS
) -> Rebuilt:
    """Make all read models again from the log.

    Raises:
        RebuildBusy: one is under way.
        RebuildStalled: after `SWAPS_MAX` tries.
        psycopg.Error: the database is away, or the log does not fold; nothing has changed.
    """
    began = monotonic()
    async with _alone(database_url) as connection:
        row = await (await connection.execute("select current_schema()")).fetchone()
        assert row is not None
        shadow = Shadow(connection, row[0])
        folding = _Folding(connection, shadow, read_models.projections, batch_rows)
        try:
            await shadow.create(read_models.create)
            await shadow.take_off_unique()
            await folding.catch_up()
            await shadow.analyze()
            await folding.try_unique()
            swap_seconds, tries = await _swap(folding)
        finally:
            with suppress(*postgres.AWAY):  # it goes at the next erasure or start
                await shadow.discard()
    rebuilt = Rebuilt(
        tuple(shadow.tables), folding.events, monotonic() - began, swap_seconds, tries
    )
    log.info(
        "rebuilt",
        tables=rebuilt.tables,
        events=rebuilt.events,
        events_per_second=round(rebuilt.events_per_second),
        swap_ms=round(swap_seconds * 1000),
    )
    return rebuilt


@asynccontextmanager
async def _alone(database_url: str) -> AsyncGenerator[Connection]:
    """A connection whose session is the only one that rebuilds."""
    async with connect(database_url) as connection:
        cursor = await connection.execute(
            "select pg_try_advisory_lock(%(key)s)", {"key": REBUILD_LOCK}
        )
        row = await cursor.fetchone()
        if row is None or not row[0]:
            raise RebuildBusy
        # Building an index takes as long as it takes; all else is short.
        await connection.execute("set transaction_timeout = 0")
        yield connection


class _Folding:
    """How far the shadow is."""

    def __init__(
        self,
        connection: Connection,
        shadow: Shadow,
        projections: Sequence[Projection],
        batch_rows: int,
    ) -> None:
        self.connection = connection
        self.shadow = shadow
        self.events = 0
        self._projections = projections
        self._batch_rows = batch_rows
        self._place = Place()

    async def catch_up(self) -> None:
        """Fold until the rest is less than a batch."""
        while await self.next() == self._batch_rows:
            pass

    async def next(self, *, no_writers: bool = False) -> int:
        """Fold one batch; how many rows it had."""
        batch = await next_batch(
            self.connection, self._place, self._batch_rows, no_writers=no_writers
        )
        if batch is None:
            return 0
        try:
            async with self.connection.transaction():
                await fold(self.connection, batch, self._projections)
        except UniqueViolation:
            if self.shadow.taken_off:
                raise
            # Keys are changing hands.
            async with self.connection.transaction():
                await self.shadow.take_off_unique()
                await fold(self.connection, batch, self._projections)
        self._place = batch.to
        self.events += batch.rows
        return batch.rows

    async def try_unique(self) -> None:
        """Put the unique indexes back, unless keys are changing hands right now."""
        with suppress(UniqueViolation):
            await self.shadow.put_back_unique()

    def mark(self) -> Mark:
        """Where we are, to come back to when a transaction around is undone."""
        return self._place, self.events, list(self.shadow.taken_off)

    def back_to(self, mark: Mark) -> None:
        """The transaction around was undone."""
        self._place, self.events, self.shadow.taken_off = mark


async def _swap(folding: _Folding) -> tuple[float, int]:
    """Swap once the locks are to be had; for how long appends were held off, and the tries."""
    for tried in range(1, SWAPS_MAX + 1):
        await folding.catch_up()
        await folding.try_unique()
        mark = folding.mark()
        try:
            return await _try_swap(folding), tried
        except (LockNotAvailable, DeadlockDetected):
            folding.back_to(mark)
            await asyncio.sleep(SWAP_PAUSE_SECONDS)
    raise RebuildStalled


async def _try_swap(folding: _Folding) -> float:
    connection = folding.connection
    async with connection.transaction():
        await connection.execute(f"set local lock_timeout = {LOCK_MS_MAX}".encode())
        await connection.execute(HOLD_OFF)
        held_since = monotonic()
        while await folding.next(no_writers=True):
            pass
        await folding.shadow.put_back_unique()
        await folding.shadow.swap()
    return monotonic() - held_since
