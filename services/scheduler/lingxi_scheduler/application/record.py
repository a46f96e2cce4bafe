"""Write down what came of a look at a session.

The log and the watch are written in one append, guarded by the claim: what was heard meanwhile, or
a claim that somebody else has, makes it void.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from lingxi_chassis.eventlog import Clause, Conflict, GuardLost
from lingxi_contracts.errors import SessionNotFound
from lingxi_scheduler.application.measures import count_decisions
from lingxi_scheduler.application.parts import DecisionLog, DecisionsSnapshot
from lingxi_scheduler.domain import decisions
from lingxi_scheduler.domain.decisions import Events, Silence
from lingxi_scheduler.domain.gates import FINAL, Closed
from lingxi_scheduler.domain.watch import Watch, decided
from lingxi_scheduler.projections.watches import Kept, holding, watched, write_decided

FIRST_PAUSE = timedelta(seconds=15)
PAUSE_MAX = timedelta(minutes=15)
DOUBLINGS_MAX = 10

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Look:
    """A session that is looked at: what is kept of it, and what was decided about it before."""

    kept: Kept
    decisions: DecisionsSnapshot

    @property
    def watch(self) -> Watch:
        """What is known of the session."""
        return self.kept.watch

    @property
    def silence(self) -> Silence:
        """What is decided about. Its agent is known."""
        watch = self.watch
        assert watch.agent_id is not None
        return Silence(watch.session_id, watch.agent_id, watch.newest_seq)


class Record:
    """How looks end."""

    def __init__(self, decision_log: DecisionLog, time_scale: float) -> None:
        self._log = decision_log
        self._time_scale = time_scale

    async def load(self, kept: Kept) -> DecisionsSnapshot:
        """What was decided about a session so far."""
        watch = kept.watch
        found = await self._log.load(watch.session_id, watch.user_id)
        return found or self._log.new(watch.session_id, watch.user_id)

    async def write(
        self,
        look: Look,
        events: Events,
        watch: Watch,
        at: datetime,
        *,
        guard: Clause | None = None,
        still_held: bool = False,
    ) -> DecisionsSnapshot | None:
        """Events, if any, and what the watch is from now on; None: it came too late.

        A watch that is still held stays due, so that another claims it if its holder dies.

        Raises:
            Unavailable: the database is away.
        """
        due = look.kept.due_at if still_held else look.kept.due(watch, self._time_scale)
        if not events:
            written = await write_decided(self._log.pool, look.kept, watch, due)
            return look.decisions if written else None
        try:
            appended = await self._log.append(
                look.decisions,
                events,
                at,
                guard=guard or holding(look.kept),
                effects=(watched(watch, due, still_held=still_held),),
            )
        except (Conflict, GuardLost, SessionNotFound):
            log.info("decision_void", session_id=str(watch.session_id))
            return None
        count_decisions(events)
        return appended

    async def skip(self, look: Look, closed: Closed, at: datetime) -> None:
        """A gate is closed: say so, and wait for what opens it."""
        if closed.gate in FINAL:
            watch = decided(look.watch)
        elif closed.next_at is None:
            watch = replace(look.watch, awaits_event=True)
        else:
            watch = replace(look.watch, not_before=closed.next_at)
        events = decisions.skip(look.decisions.state, look.silence, closed)
        await self.write(look, events, watch, at)

    async def put_off(self, look: Look, now: datetime, pause: timedelta | None = None) -> None:
        """Nothing was decided: try again later, later each time unless a pause is given."""
        watch = look.watch
        if pause is None:
            watch = replace(watch, tries=watch.tries + 1)
        doubled = FIRST_PAUSE * 2 ** min(look.watch.tries, DOUBLINGS_MAX)
        later = now + (pause or min(doubled, PAUSE_MAX)) / self._time_scale
        if watch.sending is not None:
            await write_decided(self._log.pool, look.kept, watch, later)
        else:
            await self.write(look, (), replace(watch, not_before=later), now)

    async def wait_for_news(self, look: Look, now: datetime) -> None:
        """Its session or its agent is gone, and the news of that are on their way."""
        watch = replace(look.watch, awaits_event=True, sending=None)
        await self.write(look, (), watch, now)
