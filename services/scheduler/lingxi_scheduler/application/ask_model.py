"""Ask the model about a silence that no gate ends, and record what it wants to say."""

from dataclasses import dataclass, replace
from datetime import datetime

import structlog

from lingxi_chassis.postgres import Pool
from lingxi_contracts.agent import ABOUT_CHARS_MAX, AgentProfile
from lingxi_contracts.chat import ProactiveWork
from lingxi_contracts.identity import decision_id
from lingxi_scheduler.application.parts import Agents, Clock, Model, NoAnswer
from lingxi_scheduler.application.record import Look, Record
from lingxi_scheduler.domain import decisions, prompt
from lingxi_scheduler.domain.decisions import Saying
from lingxi_scheduler.domain.gates import OFF, Closed, Standing
from lingxi_scheduler.domain.hours import day_of
from lingxi_scheduler.domain.watch import decided
from lingxi_scheduler.projections.caps import open_day, with_room
from lingxi_scheduler.projections.watches import holding

FAILED_LOOKS_MAX = 3
"""At one silence, before an answer that is none makes an end of it."""
NOTHING_TO_SAY = Closed("model", "I could not think of anything to say.")

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class AskModel:
    """Has the agent's model decide, and takes a place on the day for what it says."""

    pool: Pool
    record: Record
    agents: Agents
    model: Model
    clock: Clock

    async def __call__(self, look: Look, standing: Standing, work: ProactiveWork) -> Look | None:
        """The look at a decision that is to be sent now, if that is what came of it.

        Raises:
            AgentNotFound, Unavailable.
        """
        watch, now = look.watch, self.clock.now()
        topic = prompt.about(work.messages, ABOUT_CHARS_MAX)
        profile = await self.agents.profile(watch.user_id, work.agent_id, topic)
        if profile.parameters.proactive_behavior == "off":
            await self.record.skip(look, OFF, now)
            return None
        try:
            answer = await self.model.ask(self._question(profile, work, standing, now), profile)
        except NoAnswer:
            log.warning("no_answer", session_id=str(watch.session_id), tries=watch.tries)
            if watch.tries + 1 >= FAILED_LOOKS_MAX:
                await self.record.skip(look, NOTHING_TO_SAY, self.clock.now())
            else:
                await self.record.put_off(look, self.clock.now())
            return None
        if answer.decision == "wait":
            await self.record.skip(look, Closed("model", answer.reason), self.clock.now())
            return None
        return await self._write(look, standing, work, Saying(answer.text, answer.reason))

    async def _write(
        self, look: Look, standing: Standing, work: ProactiveWork, saying: Saying
    ) -> Look | None:
        """Record what is to be said, if the day has room for it."""
        watch, silence, now = look.watch, look.silence, self.clock.now()
        day = day_of(now, standing.zone)
        if not await open_day(self.pool, silence.agent_id, watch.user_id, day):
            return None
        events = decisions.write(
            silence, saying, based_on_user_seq=work.newest_user_seq, day=day, at=now
        )
        sending = replace(
            decided(watch), sending=decision_id(silence.session_id, silence.armed_seq)
        )
        guard = with_room(holding(look.kept), silence.agent_id, day, standing.manners.daily_cap)
        after = await self.record.write(look, events, sending, now, guard=guard, still_held=True)
        if after is None:
            # The day is full by now, which the next look says; or the claim is not ours any more.
            await self.record.write(look, (), watch, now)
            return None
        kept = replace(look.kept, watch=sending, revision=look.kept.revision + 1)
        return Look(kept, after)

    def _question(
        self, profile: AgentProfile, work: ProactiveWork, standing: Standing, now: datetime
    ) -> prompt.Question:
        def tokens(text: str) -> int:
            return self.model.tokens(text, profile.parameters.model)

        budget = self.model.context_tokens
        return prompt.question(
            profile, work, now=now, zone=standing.zone, budget_tokens=budget, tokens=tokens
        )
