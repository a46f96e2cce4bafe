"""The turns this replica works on, at most as many as it has slots.

A turn comes in three ways: started here with a free slot (claimed in the same append, no hop before
the model), claimed from the queue after a nudge or when a slot falls free, or by the sweep, which
also finds the turns of replicas that died. No turn waits on a timer but those.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import UUID

import structlog

from lingxi_chassis import context, tracing
from lingxi_chassis.clock import monotonic
from lingxi_chassis.eventlog import Clause
from lingxi_chassis.ids import new_id
from lingxi_chassis.postgres import Pool
from lingxi_chassis.tasks import begun
from lingxi_chat.application.look_up import LookedUp
from lingxi_chat.application.parts import SessionSnapshot
from lingxi_chat.application.stopping import Stopping
from lingxi_chat.application.turn_times import TurnTimes
from lingxi_chat.projections.open_turns import Claim, claim_waiting, enqueue, give_back
from lingxi_contracts.errors import Unavailable

SWEEP_SECONDS = 5.0
FINISH_SECONDS = 5.0
"""How long turns may go on when the process is told to stop."""
STOPS_REMEMBERED_MAX = 1_000
"""A stop may be heard before the turn it is about begins here."""

log = structlog.get_logger(__name__)


class Slot:
    """One of a replica's. `leave` gives it back, once."""

    __slots__ = ("_left",)

    def __init__(self, left: Callable[[], None] = lambda: None) -> None:
        self._left: Callable[[], None] | None = left

    def leave(self) -> None:
        """The turn in it is over: another may begin."""
        if self._left is not None:
            left, self._left = self._left, None
            left()


type LookingUp = Callable[[], Awaitable[LookedUp]]
"""Ends a look-up that began with the claim: what the turn speaks from."""


@dataclass(frozen=True, slots=True)
class Held:
    """A turn to work on: our claim, when we made it, and its session if we know it already.

    `looking`: its look-up, if that began with the claim. `slot`: left when the outcome is recorded,
    before anybody is told: who hears of it may say more at once.
    """

    claim: Claim
    claimed_at: float
    snapshot: SessionSnapshot | None = None
    looking: LookingUp | None = None
    stopping: Stopping = field(default_factory=Stopping)
    times: TurnTimes = field(default_factory=TurnTimes)
    slot: Slot = field(default_factory=Slot)


type AnswerTurn = Callable[[Held], Awaitable[Held | None]]
"""Works on a turn; returns the turn that this one's end started, if it did."""


@dataclass(slots=True)
class Starting:
    """A turn about to start: `work` goes into its append, whose result is told in `begun`.

    `here`: this replica works on it then; its look-up may have begun.
    """

    work: Clause
    here: bool
    looking: LookingUp | None = None
    begun: SessionSnapshot | None = None


class TurnWorkers:
    """Slots, and the turns in them. `nudge` tells all replicas that a turn waits for a slot.

    `settle_seconds`: how long a turn waits for more messages before it is claimed.
    """

    def __init__(
        self,
        pool: Pool,
        answer: AnswerTurn,
        nudge: Callable[[], Awaitable[None]],
        slots: int,
        settle_seconds: float = 0,
    ) -> None:
        self.settle_seconds = settle_seconds
        self._pool = pool
        self._answer = answer
        self._nudge = nudge
        self._free = slots
        self._more_wait = False
        self._closing = False
        self._cut_off = False
        self._claiming = asyncio.Lock()
        self._looking: set[asyncio.Task[None]] = set()
        self._working: dict[asyncio.Task[None], Held] = {}
        self._stops: dict[UUID, None] = {}

    @asynccontextmanager
    async def starting(
        self, turn_id: UUID, session_id: UUID, user_id: UUID, *, settles: bool = False
    ) -> AsyncGenerator[Starting]:
        """A turn starts in the append made in this context: here, if a slot is free.

        `settles`: it waits for more messages first, if turns are to.
        """
        claimed_at = monotonic()
        claim = None
        settle_seconds = self.settle_seconds if settles else 0
        if not settle_seconds and self._free > 0 and self._begins:
            self._free -= 1
            claim = Claim(turn_id, session_id, user_id, new_id(), 1)
        work = enqueue(turn_id, claim and claim.claim_id, settle_seconds)
        starting = Starting(work, here=claim is not None)
        try:
            yield starting
        finally:
            if claim is not None and starting.begun is None:
                self._free += 1
        if starting.begun is None:
            return
        if claim is not None:
            self._begin(
                Held(claim, claimed_at, starting.begun, starting.looking, slot=self._slot())
            )
        elif settle_seconds:
            self.look_once_settled()
        else:
            self._more_wait = True
            await self._nudge()

    async def take_waiting(self) -> None:
        """Claim what waits in the queue, as far as there are free slots.

        Raises:
            Unavailable: the database is away; what waits goes on waiting.
        """
        self._more_wait = True
        if self._claiming.locked():
            return  # who claims now looks again afterwards
        async with self._claiming:
            while self._more_wait and self._free > 0 and self._begins:
                await self._claim(self._free)

    async def _claim(self, slots: int) -> None:
        """Turns that start here meanwhile take a free slot, too, rather than to join the queue and
        have it looked at again: for that moment there may be more turns than slots."""
        self._more_wait = False
        claimed_at = monotonic()
        claims = await claim_waiting(self._pool, slots)
        self._free -= len(claims)
        self._more_wait = self._more_wait or len(claims) == slots
        for claim in claims:
            context.begin(claim.correlation_id)
            with tracing.joined(claim.traceparent):
                self._begin(Held(claim, claimed_at, slot=self._slot()))

    async def sweep(self) -> None:
        """Look at the queue every `SWEEP_SECONDS`, until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(SWEEP_SECONDS)

    async def look(self) -> None:
        """Take what waits; a database that is away is left to the next sweep."""
        try:
            await self.take_waiting()
        except Unavailable:
            log.warning("queue_not_seen")

    def look_once_settled(self) -> None:
        """Look at the queue when a message that came now has settled."""
        asyncio.get_running_loop().call_later(self.settle_seconds, self._look)

    def stop(self, turn_id: UUID) -> None:
        """Whoever works on this turn here is to end it."""
        self._stops[turn_id] = None
        if len(self._stops) > STOPS_REMEMBERED_MAX:
            del self._stops[next(iter(self._stops))]
        for held in self._working.values():
            self._stop_if_asked(held)

    def nats_lost(self) -> None:
        """Nobody hears what is said: model calls end, and nothing is claimed until `nats_back`."""
        self._cut_off = True
        for held in self._working.values():
            held.stopping.lose()

    def nats_back(self) -> None:
        """Take what waits again."""
        self._cut_off = False
        self._look()

    @property
    def _begins(self) -> bool:
        """Whether turns are begun here."""
        return not (self._closing or self._cut_off)

    def _stop_if_asked(self, held: Held) -> None:
        if held.claim.stop_requested or held.claim.turn_id in self._stops:
            held.stopping.request()

    async def finish(self) -> None:
        """Start no more turns, let those under way end, and give back what does not in time."""
        self._closing = True
        async with self._claiming:
            working = set(self._working)
        if not working:
            return
        _, late = await asyncio.wait(working, timeout=FINISH_SECONDS)
        unfinished = [self._working[task].claim for task in late]
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late)
            await self._leave(unfinished)

    async def _leave(self, claims: Sequence[Claim]) -> None:
        """To the other replicas; if that fails, the leases end by themselves."""
        try:
            await give_back(self._pool, claims)
        except Unavailable:
            log.warning("turns_not_given_back", turns=len(claims))
        else:
            await self._nudge()

    def _slot(self) -> Slot:
        """One that is taken already."""
        return Slot(self._slot_left)

    def _slot_left(self) -> None:
        self._free += 1
        if self.settle_seconds:
            self.look_once_settled()
        if self._more_wait:
            self._look()

    def _begin(self, held: Held) -> None:
        self._stop_if_asked(held)
        task = begun(self._work(held))
        self._working[task] = held
        task.add_done_callback(self._ended)

    async def _work(self, held: Held) -> None:
        task = asyncio.current_task()
        assert task is not None
        following: Held | None = held
        try:
            while following is not None and self._begins:
                self._working[task] = following
                self._stop_if_asked(following)
                with tracing.span("turn"):
                    following = await self._answer(following)
            if following is not None:
                await self._leave([following.claim])
        except Exception:
            # Its lease ends; then it is claimed again, here or elsewhere, up to its bound.
            log.exception("turn_crashed", turn_id=str(self._working[task].claim.turn_id))

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._working.pop(task).slot.leave()

    def _look(self) -> None:
        if self._closing:
            return
        looking = asyncio.create_task(self.look())
        self._looking.add(looking)
        looking.add_done_callback(self._looking.discard)
