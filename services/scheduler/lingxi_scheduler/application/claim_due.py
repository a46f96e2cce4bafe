"""Claim the sessions that are due and look at each, at most so many at once.

Nothing is polled: it sleeps until the next session is due, is told of nearer times by who writes
them, and looks at least every `interval_seconds`, for what other replicas wrote or left behind.
While the watches are being learned from their owners' logs nothing is claimed: what is known of a
session then may be long over.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime
from uuid import UUID

import structlog

from lingxi_chassis import context, tracing
from lingxi_chassis.clock import monotonic
from lingxi_chassis.leases import LeaseLost, held
from lingxi_chassis.postgres import Pool
from lingxi_contracts.errors import Unavailable
from lingxi_scheduler.application.decide import Decide
from lingxi_scheduler.application.parts import Clock
from lingxi_scheduler.application.record import Look, Record
from lingxi_scheduler.application.send import Send
from lingxi_scheduler.projections.watches import (
    LEASE_SECONDS,
    Claim,
    claim_due,
    find_watch,
    next_due,
    renew,
)

RENEW_SECONDS = 10
FINISH_SECONDS = 3.0
"""How long looks may go on when the process is told to stop; what is left is claimed again."""
AWAY_SECONDS = 5.0
"""Between looks while the database is away, or the watches are being learned."""

log = structlog.get_logger(__name__)

type LookAt = Callable[[Claim], Awaitable[None]]
type Learned = Callable[[], Awaitable[bool]]
"""Whether the watches know all that there is to know. Raises Unavailable."""


class LookAtSession:
    """One look at a claimed session: what is on its way is sent, else it is decided."""

    def __init__(self, pool: Pool, record: Record, decide: Decide, send: Send) -> None:
        self._pool = pool
        self._record = record
        self._decide = decide
        self._send = send

    async def __call__(self, claim: Claim) -> None:
        """Raises Unavailable: the database is away; the lease ends by itself."""
        kept = await find_watch(self._pool, claim.session_id)
        if kept is None or kept.claim_id != claim.claim_id:
            return
        look = Look(kept, await self._record.load(kept))
        if look.decisions.state.pending is not None:
            await self._send(look)
            return
        decided = await self._decide(look)
        if decided is not None:
            await self._send(decided)


class ClaimDue:
    """The sessions this replica looks at."""

    def __init__(
        self, pool: Pool, look_at: LookAt, clock: Clock, interval_seconds: float, slots: int
    ) -> None:
        self._pool = pool
        self._look_at = look_at
        self._clock = clock
        self._interval_seconds = interval_seconds
        self._slots = slots
        self._looking: dict[asyncio.Task[None], UUID] = {}
        self._woken = asyncio.Event()
        self._wakes_at: datetime | None = None
        clock.on_move(self.look)

    def due(self, at: datetime) -> None:
        """A session is due at a time, which may be before the one that is slept until."""
        if self._wakes_at is None or at < self._wakes_at:
            self._woken.set()

    def look(self) -> None:
        """Look now."""
        self._woken.set()

    async def run(self, learned: Learned) -> None:
        """Look at what is due, until cancelled."""
        while True:
            self._woken.clear()
            try:
                seconds = await self._claim(learned) if await learned() else AWAY_SECONDS
            except Unavailable:
                log.warning("due_sessions_not_seen")
                seconds = AWAY_SECONDS
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._woken.wait()

    async def finish(self) -> None:
        """Let looks under way end for a moment; then they are dropped, and their leases end."""
        if not self._looking:
            return
        _, late = await asyncio.wait(self._looking, timeout=FINISH_SECONDS)
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late)

    async def _claim(self, learned: Learned) -> float:
        """Claim as much as there are slots for; for how many seconds nothing else is due."""
        free = self._slots - len(self._looking)
        if free > 0:
            claimed_at = monotonic()
            claims = await claim_due(self._pool, self._clock.now(), free)
            if claims and not await learned():
                return AWAY_SECONDS  # it began meanwhile; what was claimed is claimed again
            for claim in claims:
                task = asyncio.create_task(self._look(claim, claimed_at))
                self._looking[task] = claim.session_id
                task.add_done_callback(self._ended)
        self._wakes_at = None  # what is told while it is asked for may not be in the answer
        due, others_look = await next_due(self._pool)
        seconds = min(self._interval_seconds, LEASE_SECONDS if others_look else float("inf"))
        self._wakes_at = due
        if due is not None and len(self._looking) < self._slots:
            seconds = min(seconds, (due - self._clock.now()).total_seconds())
        return max(seconds, 0)

    async def _look(self, claim: Claim, claimed_at: float) -> None:
        context.begin(None)
        try:
            async with held(
                lambda: renew(self._pool, claim),
                lease_seconds=LEASE_SECONDS,
                every_seconds=RENEW_SECONDS,
                claimed_at=claimed_at,
            ):
                with tracing.joined(None), tracing.span("look"):
                    await self._look_at(claim)
        except (LeaseLost, Unavailable) as error:
            log.warning("look_given_up", session_id=str(claim.session_id), error=repr(error))
        except Exception:
            # Its lease ends; then it is looked at again.
            log.exception("look_failed", session_id=str(claim.session_id))

    def _ended(self, task: asyncio.Task[None]) -> None:
        del self._looking[task]
        self._woken.set()
