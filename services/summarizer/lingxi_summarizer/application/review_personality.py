"""Look whether the personality of an agent should adapt to what its user wants.

Guard: agent records a review of a session up to a seq once, and applies nothing that rests on an
older version than the newest.
"""

from functools import partial
from uuid import UUID

import structlog

from lingxi_chassis.rpc import RpcClient
from lingxi_contracts.agent import Evidence, GetPersonalityReview, PersonalityReview, RecordReview
from lingxi_contracts.chat import GetReviewWork, ReviewWork
from lingxi_summarizer.application.parts import Model, OneAtATime, answered
from lingxi_summarizer.domain.review import UNCHANGED, Found, build_review_prompt, read_review

log = structlog.get_logger(__name__)


class ReviewPersonalities:
    """Asks chat for the newest messages, agent for the personality, the model for a judgement."""

    def __init__(self, rpc: RpcClient, model: Model) -> None:
        self._rpc = rpc
        self._model = model
        self._one_at_a_time = OneAtATime()

    async def review_personality(self, user_id: UUID, session_id: UUID, to_seq: int) -> None:
        """Returns once the review is recorded, or there is none to be made.

        Raises:
            SessionNotFound, AgentNotFound: it is gone.
            Unavailable: an owner or the model is away.
            ModelFailure: the model has no answer to this.
        """
        async with self._one_at_a_time(session_id):
            work = await self._rpc.call(GetReviewWork(user_id=user_id, session_id=session_id))
            if not work.messages:
                return
            review = await self._rpc.call(
                GetPersonalityReview(
                    user_id=user_id, agent_id=work.agent_id, session_id=session_id, to_seq=to_seq
                )
            )
            if not review.due:
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
        log.info("personality_reviewed", session_id=str(session_id), outcome=recorded.outcome)

    async def _found(self, review: PersonalityReview, work: ReviewWork) -> Found:
        prompt = build_review_prompt(
            review, work.messages, self._model.context_tokens, self._model.tokens
        )
        if prompt is None:
            log.warning("personality_too_long_to_review", agent_id=str(work.agent_id))
            return UNCHANGED
        return await answered(self._model, prompt.question, partial(read_review, prompt=prompt))
