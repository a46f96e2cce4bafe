"""Look whether the personality of an agent should adapt to what its user wants.

Guard: agent records a review of a session up to a seq once, and applies nothing that rests on an
older version than the newest.
"""

from functools import partial

import structlog

from lingxi_chassis.rpc import RpcClient
from lingxi_contracts.agent import Evidence, GetPersonalityReview, PersonalityReview, RecordReview
from lingxi_contracts.chat import GetReviewWork, ReviewWork
from lingxi_summarizer.application.parts import Due, Model, OneAtATime, answered
from lingxi_summarizer.domain.review import UNCHANGED, Found, build_review_prompt, read_review

log = structlog.get_logger(__name__)


class ReviewPersonalities:
    """Asks chat for the newest messages, agent for the personality, the model for a judgement."""

    def __init__(self, rpc: RpcClient, model: Model, settle_seconds: float) -> None:
        self._rpc = rpc
        self._model = model
        self._one_at_a_time = OneAtATime(settle_seconds)

    async def review_personality(self, due: Due) -> None:
        """Returns once the review is recorded, or there is none to be made.

        Raises:
            SessionNotFound, AgentNotFound: it is gone.
            Unavailable: an owner or the model is away.
            ModelFailure: the model has no answer to this.
        """
        user_id, session_id = due.user_id, due.session_id
        async with self._one_at_a_time(due) as turn:
            if turn is None:
                return
            work = await self._rpc.call(GetReviewWork(user_id=user_id, session_id=session_id))
            if not work.messages:
                return
            to_seq = max(due.to_seq, work.due_up_to)
            review = await self._rpc.call(
                GetPersonalityReview(
                    user_id=user_id, agent_id=work.agent_id, session_id=session_id, to_seq=to_seq
                )
            )
            if not review.due:
                turn.did(work.version, to_seq)
                return
            found = await self._found(review, work)
            recorded = await self._rpc.call(
                RecordReview(
                    user_id=user_id,
                    agent_id=work.agent_id,
                    session_id=session_id,
                    to_seq=to_seq,
                    based_on_version=review.based_on_version,
                    should_update=found.should_update,
                    reason=found.reason,
                    suggested_personality=found.suggested_personality,
                    confidence=found.confidence,
                    evidence=tuple(
                        Evidence(session_id=session_id, message_id=one.message_id)
                        for one in found.evidence
                    ),
                )
            )
            turn.did(work.version, to_seq)
        log.info("personality_reviewed", session_id=str(session_id), outcome=recorded.outcome)

    async def _found(self, review: PersonalityReview, work: ReviewWork) -> Found:
        prompt = build_review_prompt(
            review, work.messages, self._model.context_tokens, self._model.tokens
        )
        if prompt is None:
            log.warning("personality_too_long_to_review", agent_id=str(work.agent_id))
            return UNCHANGED
        return await answered(self._model, prompt.question, partial(read_review, prompt=prompt))
