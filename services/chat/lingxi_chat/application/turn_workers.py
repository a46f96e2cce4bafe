"""The turns this replica works on, at most as many as it has slots.

A turn comes in three ways: started here with a free slot (claimed in the same append, no hop before
the model), claimed from the queue after a nudge or when a slot falls free, or by the sweep, which
also finds the turns of replicas that died. No turn waits on a timer but those.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from uuid import UUID

import structlog

from lingxi_chassis import context
from lingxi_chassis.clock import monotonic
from lingxi_chassis.eventlog import Clause
from lingxi_chassis.ids import new_id
from lingxi_chassis.postgres import Pool
from lingxi_chat.application.parts import SessionSnapshot
from lingxi_chat.projections.open_turns import Claim, claim_waiting, enqueue, give_back
from lingxi_contracts.errors import Unavailable

SWEEP_SECONDS = 5.0
FINISH_SECONDS = 5.0
"""How long turns may go on when the process is told to stop."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Held:
    """A turn to work on: our claim, when we made it, and its session if we know it already."""

    claim: Claim
    claimed_at: float
    snapshot: SessionSnapshot | None = None


type AnswerTurn = Callable[[Held], Awaitable[Held | None]]
"""Works on a turn; returns the turn that this one's end started, if it did."""


@dataclass(slots=True)
class Starting:
    """A turn about to start: `work` goes into its append, whose result is told in `begun`."""

    work: Clause
    begun: SessionSnapshot | None = None


class TurnWorkers:
    """Slots, and the turns in them. `nudge` tells all replicas that a turn waits for a slot."""

    def __init__(
        self, pool: Pool, answer: AnswerTurn, nudge: Callable[[], Awaitable[None]], slots: int
    ) -> None:
        self._pool = pool
        self._answer = answer
        self._nudge = nudge
        self._free = slots
        self._more_wait = False
        self._closing = False
        self._working: dict[asyncio.Task[None], Held] = {}

    @asynccontextmanager
    async def starting(
        self, turn_id: UUID, session_id: UUID, user_id: UUID
    ) -> AsyncGenerator[Starting]:
        """A turn starts in the append made in this context: here, if a slot is free."""
        claimed_at = monotonic()
        claim = None
        if self._free > 0 and not self._closing:
            self._free -= 1
            claim = Claim(turn_id, session_id, user_id, new_id(), 1)
        starting = Starting(enqueue(turn_id, claim and claim.claim_id))
        try:
            yield starting
        finally:
            if claim is not None and starting.begun is None:
                self._free += 1
        if starting.begun is None:
            return
        if claim is not None:
            self._begin(Held(claim, claimed_at, starting.begun))
        else:
            self._more_wait = True
            await self._nudge()

    async def take_waiting(self) -> None:
        """Claim what waits in the queue, as far as there are free slots.

        Raises:
            Unavailable: the database is away; what waits goes on waiting.
        """
        slots = self._free
        if self._closing or slots == 0:
            self._more_wait = True
            return
        self._free -= slots
        self._more_wait = False
        claims: Sequence[Claim] = ()
        claimed_at = monotonic()
        try:
            claims = await claim_waiting(self._pool, slots)
        finally:
            self._free += slots - len(claims)
        self._more_wait = self._more_wait or len(claims) == slots
        for claim in claims:
            context.begin(None)
            self._begin(Held(claim, claimed_at))

    async def sweep(self) -> None:
        """Look at the queue every `SWEEP_SECONDS`, until cancelled."""
        while True:
            try:
                await self.take_waiting()
            except Unavailable:
                log.warning("sweep_skipped")
            await asyncio.sleep(SWEEP_SECONDS)

    async def finish(self) -> None:
        """Start no more turns, let those under way end, and give back what does not in time."""
        self._closing = True
        working = dict(self._working)
        if not working:
            return
        _, late = await asyncio.wait(working, timeout=FINISH_SECONDS)
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late)
            for task in late:
                await give_back(self._pool, working[task].claim)
            await self._nudge()

    def _begin(self, held: Held) -> None:
        """Work on a turn, in a slot that is taken already."""
        task = asyncio.create_task(self._work(held))
        self._working[task] = held
        task.add_done_callback(self._ended)

    async def _work(self, held: Held) -> None:
        following: Held | None = held
        try:
            while following is not None:
                held = following
                following = await self._answer(held)
        except Exception:
            # Its lease ends; then it is claimed again, here or elsewhere, up to its bound.
            log.exception("turn_crashed", turn_id=str(held.claim.turn_id))

    def _ended(self, task: asyncio.Task[None]) -> None:
        del self._working[task]
        self._free += 1
        if self._more_wait and not self._closing:
            self._claiming = asyncio.create_task(self._take_more())

    async def _take_more(self) -> None:
        with suppress(Unavailable):  # the sweep comes back to it
            await self.take_waiting()
