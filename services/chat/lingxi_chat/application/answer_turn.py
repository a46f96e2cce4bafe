"""Answer a turn: profile, prompt, model told as it speaks, one append that records the outcome.

The outcome is recorded by whoever holds the claim, in the append that deletes the work row. A
worker that lost its claim, or finds the turn over, stays silent: another one recorded, or will.
"""

import asyncio
import traceback
from collections.abc import Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import cast

import structlog

from lingxi_chassis.clock import monotonic, utc_now
from lingxi_chassis.eventlog import GuardLost, again_on_conflict
from lingxi_chassis.ids import new_id
from lingxi_chassis.leases import LeaseLost, held
from lingxi_chassis.model.errors import BadAnswer, ModelFailure
from lingxi_chassis.model.tokens import estimate_tokens
from lingxi_chat.application.delete_session import delete_session
from lingxi_chat.application.look_up import LookedUp, LookUp
from lingxi_chat.application.moderate import Moderate
from lingxi_chat.application.parts import (
    Anew,
    Live,
    Model,
    SessionLog,
    SessionSnapshot,
    Spoken,
    load,
)
from lingxi_chat.application.recall import Recall
from lingxi_chat.application.stopping import CutOff, Stopped
from lingxi_chat.application.telling import Telling
from lingxi_chat.application.turn_times import TurnTimes
from lingxi_chat.application.turn_workers import Held
from lingxi_chat.domain.bubbles import delay_ms
from lingxi_chat.domain.prompt import Known, Prompt, Said, build_prompt
from lingxi_chat.domain.session import Session
from lingxi_chat.domain.turns import Bubble, Failure, Reply, Stop, TurnEnd, end_turn
from lingxi_chat.projections.neighbours import is_gone
from lingxi_chat.projections.open_turns import (
    ATTEMPTS_MAX,
    LEASE_SECONDS,
    Claim,
    dequeue,
    enqueue,
    give_back,
    holding,
    renew,
)
from lingxi_chat.projections.prompt_material import Newest
from lingxi_chat.projections.recall_search import Search
from lingxi_contracts.agent import AgentProfile
from lingxi_contracts.chat import DeleteSession, FailureCode, TurnStarted
from lingxi_contracts.errors import AgentNotFound, SessionNotFound, Unavailable

RENEW_SECONDS = 5.0
RECORD_PAUSE_SECONDS = 0.5
ANSWER_TOKENS = 1_024
"""Room in the model's context for the answer, unless the agent says another number."""
ABANDONED = Failure(
    "abandoned", f"The turn was tried {ATTEMPTS_MAX} times and never came to an end.", True
)
NOT_KNOWN = Failure("abandoned", "The agent that is to answer is not known right now.", True)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class AnswerTurns:
    """The use case with what it needs. `context_tokens`: what the model can read and write.

    `settle_seconds`: a turn that starts with the end of another waits that long to be claimed.
    """

    log: SessionLog
    look_up: LookUp
    model: Model
    live: Live
    recall: Recall
    moderate: Moderate
    context_tokens: int
    settle_seconds: float = 0

    async def __call__(self, turn: Held) -> Held | None:
        """Work on a claimed turn until its outcome is recorded; the turn that follows at once."""
        claim = turn.claim
        turn.times.begin(turn.claimed_at)

        async def renewed() -> bool:
            stop_requested = await renew(self.log.pool, claim)
            if stop_requested:
                turn.stopping.request()
            return stop_requested is not None

        try:
            async with held(
                renewed,
                lease_seconds=LEASE_SECONDS,
                every_seconds=RENEW_SECONDS,
                claimed_at=turn.claimed_at,
            ):
                return await self._until_recorded(turn)
        except (LeaseLost, GuardLost):
            log.info("turn_left_to_another", turn_id=str(claim.turn_id), attempt=claim.attempt)
        except CutOff:
            log.info("turn_cut_off", turn_id=str(claim.turn_id), attempt=claim.attempt)
            with suppress(Unavailable):  # then its lease ends
                await give_back(self.log.pool, [claim], counts=True)
        except SessionNotFound:
            log.info("turn_without_session", turn_id=str(claim.turn_id))
        except AgentNotFound:
            # Its deletion was heard of while this session was started and not seen yet.
            deletion = DeleteSession(user_id=claim.user_id, session_id=claim.session_id)
            with suppress(SessionNotFound):
                await delete_session(deletion, self.log)
        return None

    async def _until_recorded(self, turn: Held) -> Held | None:
        """An owner or the database being away is waited out, as long as the lease can be held."""
        end: TurnEnd | None = None
        claim, snapshot = turn.claim, turn.snapshot
        while True:
            try:
                snapshot = snapshot or await load(self.log, claim.session_id, claim.user_id)
                end = end or await self._attempt(turn, snapshot)
                return await self._record(turn, end, snapshot)
            except Unavailable:
                log.warning("turn_waits", turn_id=str(claim.turn_id))
                await asyncio.sleep(RECORD_PAUSE_SECONDS)

    async def _attempt(self, turn: Held, snapshot: SessionSnapshot) -> TurnEnd:
        """Ask the model. What goes wrong with it is an outcome, not an exception."""
        claim, session = turn.claim, snapshot.state
        newest = session.waiting[-1].seq
        ended = partial(TurnEnd, claim.turn_id, claim.attempt, newest, next_turn_id=new_id())
        if turn.stopping.requested:
            return ended(Stop())
        if claim.attempt > ATTEMPTS_MAX:
            return ended(ABANDONED)  # without another look at what may be the cause
        telling = Telling(self.live, claim)
        async with telling:
            try:
                found = await self._looked_up(turn, session)
            except AgentNotFound:
                if await is_gone(self.log.pool, session.agent_id):
                    raise
                # Its deletion is not heard of yet, or agent lost what chat has: that one is no
                # reason to erase a conversation.
                log.warning("agent_not_known", agent_id=str(session.agent_id))
                return ended(NOT_KNOWN)
            waiting = _waiting(session, found.newest)
            async with self.moderate.looking_at(waiting) as moderation:
                prompt = await self._recalling(claim, session, found)
                outcome = await self._outcome(turn, found, prompt, telling)
                flagged = await moderation.found()
        return replace(ended(outcome), answers_up_to=prompt.answers_up_to, found=flagged)

    async def _outcome(
        self,
        turn: Held,
        found: LookedUp,
        prompt: Prompt,
        telling: Telling,
    ) -> Reply | Failure | Stop:
        try:
            async with turn.stopping.interrupting():
                spoken = await self._speak(turn.times, found.profile, prompt, telling)
            return _reply(telling.shown, spoken, found)
        except Stopped:
            await telling.tell()
            return Stop(_bubbles(telling.shown))
        except ModelFailure as failure:
            log.warning("turn_failed", turn_id=str(turn.claim.turn_id), code=failure.code)
            code = cast("FailureCode", failure.code)
            return Failure(code, failure.detail, failure.retryable)

    async def _speak(
        self, times: TurnTimes, profile: AgentProfile, prompt: Prompt, telling: Telling
    ) -> Spoken:
        """Tell what the model says, up to its end."""
        times.asked()
        max_tokens = profile.parameters.max_tokens and self._room(profile)
        async with aclosing(self.model.speak(profile, prompt, max_tokens)) as parts:
            async for part in parts:
                await _tell(part, times, telling)
                if isinstance(part, Spoken):
                    return part
        raise BadAnswer("no end")

    async def _looked_up(self, turn: Held, session: Session) -> LookedUp:
        """What to speak from: looked up as it was claimed, or else now."""
        if turn.looking is not None:
            with suppress(Unavailable):
                return await turn.looking()
        return await self.look_up(turn.claim.user_id, turn.claim.session_id, session)

    async def _recalling(self, claim: Claim, session: Session, found: LookedUp) -> Prompt:
        """The prompt with what fits the messages that wait, of all that is not in it anyway."""
        prompt = self._prompt(session, found)
        window_from = min(said.seq for said in prompt.messages)
        if window_from == 1 and not found.newest.elsewhere:
            return prompt
        search = Search(
            claim.user_id,
            session.agent_id,
            claim.session_id,
            window_from,
            session.turn.regenerates if session.turn else None,
        )
        asked = "\n".join(said.text for said in _waiting(session, found.newest))
        recalled = await self.recall(search, asked)
        return self._prompt(session, found, recalled) if recalled else prompt

    def _prompt(self, session: Session, found: LookedUp, recalled: Sequence[Said] = ()) -> Prompt:
        profile, newest = found.profile, found.newest
        return build_prompt(
            Known(
                profile.name,
                profile.personality_prompt,
                utc_now(),
                newest.timezone,
                newest.summary,
                profile.memories,
            ),
            newest.messages,
            session.waiting[0].seq,
            self.model.estimated(
                self.context_tokens - self._room(profile), profile.parameters.model
            ),
            estimate_tokens,
            recalled=recalled,
        )

    def _room(self, profile: AgentProfile) -> int:
        """For the answer, in the model's context. An agent may ask for more than there is: half is
        for the prompt."""
        return min(profile.parameters.max_tokens or ANSWER_TOKENS, self.context_tokens // 2)

    async def _record(self, turn: Held, end: TurnEnd, known: SessionSnapshot) -> Held | None:
        claim = turn.claim
        snapshot: SessionSnapshot | None = known

        async def attempt() -> Held | None:
            nonlocal snapshot
            decided_on = snapshot or await load(self.log, claim.session_id, claim.user_id)
            snapshot = None
            events = end_turn(decided_on.state, end)
            if not events:
                return None
            effects = [dequeue(claim)]
            claimed_at = monotonic()
            following = Claim(end.next_turn_id, claim.session_id, claim.user_id, new_id(), 1)
            goes_on = events[-1].tag == TurnStarted.tag
            claim_id = None if self.settle_seconds else following.claim_id
            if goes_on:
                effects.append(enqueue(following.turn_id, claim_id, self.settle_seconds))
            at = utc_now()
            appended = await self.log.append(
                decided_on, events, at, guard=holding(claim), effects=effects
            )
            next_turn = None
            if goes_on and claim_id:
                next_turn = Held(following, claimed_at, appended, slot=turn.slot)
            else:
                turn.slot.leave()
            await self.live.ended(claim.session_id, claim.turn_id, events, at)
            turn.times.recorded(end)
            return next_turn

        return await again_on_conflict(attempt)


async def _tell(part: str | Anew | Spoken, times: TurnTimes, telling: Telling) -> None:
    """Raises BadAnswer: a reply that we stumble over is an outcome, too. A crash would have the
    model asked again and again, and the user wait for it."""
    try:
        match part:
            case str():
                times.heard()
                await telling.add(part)
            case Anew():
                telling.anew()
            case Spoken():
                await telling.finish()
                times.spoken(telling.told_at)
    except Exception as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        # Not what it says: that may quote the reply.
        log.error("reply_not_told", error=type(error).__name__, at=f"{where.name}:{where.lineno}")
        raise BadAnswer("not understood") from error


def _waiting(session: Session, newest: Newest) -> list[Said]:
    """What the user said and the turn is to answer."""
    waiting = {one.seq for one in session.waiting}
    return [said for said in newest.messages if said.seq in waiting]


def _reply(texts: Sequence[str], spoken: Spoken, found: LookedUp) -> Reply:
    """Raises BadAnswer if nothing was said."""
    if not texts:
        raise BadAnswer("empty")
    return Reply(
        bubbles=_bubbles(texts),
        model=spoken.model,
        fallback_from=spoken.fallback_from,
        usage=spoken.usage,
        latency_ms=spoken.latency_ms,
        personality_version=found.profile.personality_version,
        suggestion_id=found.newest.suggestion_id,
    )


def _bubbles(texts: Sequence[str]) -> tuple[Bubble, ...]:
    return tuple(Bubble(new_id(), said, delay_ms(at, said)) for at, said in enumerate(texts))
