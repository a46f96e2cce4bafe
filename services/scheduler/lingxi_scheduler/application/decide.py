"""Decide about a silence: gates, cheapest first, and then the model.

What is decided is recorded once; a part that is away records nothing and is asked again later.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from lingxi_chassis.postgres import Pool
from lingxi_chassis.zones import zone_named
from lingxi_contracts.chat import ProactiveWork
from lingxi_contracts.errors import AgentNotFound, SessionNotFound, Unavailable
from lingxi_scheduler.application.ask_model import AskModel
from lingxi_scheduler.application.parts import Agents, Clock, Sessions
from lingxi_scheduler.application.record import Look, Record
from lingxi_scheduler.domain import decisions
from lingxi_scheduler.domain.decisions import LATE_MINUTES_MAX
from lingxi_scheduler.domain.gates import Standing, first_closed
from lingxi_scheduler.domain.hours import day_of
from lingxi_scheduler.domain.manners import Manners
from lingxi_scheduler.domain.watch import LONG_AGO, decided
from lingxi_scheduler.projections.caps import sent_on
from lingxi_scheduler.projections.neighbours import remember_agent

BEHIND_PAUSE = timedelta(seconds=5)
"""For events that chat has appended and that were not heard yet."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Decide:
    """Looks at one session that is due, and decides or lets it be."""

    pool: Pool
    record: Record
    sessions: Sessions
    agents: Agents
    ask_model: AskModel
    clock: Clock
    time_scale: float

    async def __call__(self, look: Look) -> Look | None:
        """Decide; the look at a decision that is to be sent now, if that is what came of it.

        Raises:
            Unavailable: the database is away.
        """
        now = self.clock.now()
        due = look.kept.due(look.watch, self.time_scale)
        decided_seq = look.decisions.state.decided_seq
        if decided_seq >= look.watch.newest_seq or due is None or due > now:
            # Decided before the watch was lost, or no longer due: the row learns when it is.
            known = max(look.watch.decided_seq, decided_seq)
            watch = replace(look.watch, decided_seq=known, sending=None)
            await self.record.write(look, (), watch, now)
            return None
        try:
            if look.watch.agent_id is None or not look.kept.agent_known:
                await self._learn_agent(look, now)
                return None
            if look.kept.manners is None:
                raise AgentNotFound
            return await self._decide(look, look.kept.manners, due, now)
        except (SessionNotFound, AgentNotFound):
            await self.record.wait_for_news(look, now)
        except Unavailable as error:
            log.warning("decision_put_off", tries=look.watch.tries, error=repr(error))
            await self.record.put_off(look, self.clock.now())
        return None

    async def _decide(
        self, look: Look, manners: Manners, due: datetime, now: datetime
    ) -> Look | None:
        silence = look.silence
        # A watch that was learned anew does not know that it was put off: the log does.
        put_off = decisions.put_off_until(look.decisions.state, silence.armed_seq) or LONG_AGO
        since = max(due, put_off, look.kept.surroundings_at, look.watch.heard_at or LONG_AGO)
        late = now - since > timedelta(minutes=LATE_MINUTES_MAX)
        if late and manners.behaviour != "off":
            log.info("silence_dropped", session_id=str(silence.session_id), due=due.isoformat())
            await self.record.write(look, decisions.drop(silence, due), decided(look.watch), now)
            return None
        standing = await self._standing(look, manners, now)
        closed = first_closed(standing, now, self.time_scale)
        if closed is not None:
            await self.record.skip(look, closed, now)
            return None
        work = await self.sessions.work(look.watch.user_id, look.watch.session_id)
        if max((one.seq for one in work.messages), default=0) > look.watch.newest_seq:
            await self.record.put_off(look, now, BEHIND_PAUSE)
            return None
        closed = first_closed(_as_told(standing, work), now, self.time_scale)
        if closed is not None:
            await self.record.skip(look, closed, self.clock.now())
            return None
        return await self.ask_model(look, standing, work)

    async def _standing(self, look: Look, manners: Manners, now: datetime) -> Standing:
        watch, zone = look.watch, zone_named(look.kept.timezone)
        return Standing(
            manners=manners,
            zone=zone,
            sent_today=await sent_on(self.pool, look.silence.agent_id, day_of(now, zone)),
            unanswered=watch.unanswered,
            message_count=watch.newest_seq,
            unread=watch.unread,
            flagged=watch.flagged,
            turn_open=watch.turn_open,
        )

    async def _learn_agent(self, look: Look, now: datetime) -> None:
        """Events that are no longer on the stream told of the agent: ask its owner."""
        watch = look.watch
        agent_id = watch.agent_id
        if agent_id is None:
            work = await self.sessions.work(watch.user_id, watch.session_id)
            agent_id = work.agent_id
        manners = await self.agents.manners(watch.user_id, agent_id)
        await remember_agent(self.pool, agent_id, watch.user_id, manners, sequence=0, at=LONG_AGO)
        await self.record.write(look, (), replace(watch, agent_id=agent_id), now)


def _as_told(standing: Standing, work: ProactiveWork) -> Standing:
    """What chat itself says, which is newer than what was heard."""
    return replace(
        standing,
        message_count=work.message_count,
        unread=work.unread_count > 0,
        flagged=work.flagged,
        turn_open=work.turn_open,
        typing=work.typing,
    )
