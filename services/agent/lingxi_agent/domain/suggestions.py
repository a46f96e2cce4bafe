"""Reviews of a session, and the changes of the personality that they suggest.

Invariants:
1. A session is reviewed up to a seq once, and from there on only further up.
2. A suggestion rests on the newest version: it is made on that one alone, and closed with it. What
   a review on an older version found is recorded nowhere but as that there was a review.
3. At most one suggestion a session waits, and `PENDING_MAX` of an agent: the oldest gives way.
4. A suggestion is closed once: applied, dismissed, or lapsed.
5. For `REVIEW_REST_MESSAGES` after a dismissal nothing is suggested in that session.
"""

from dataclasses import dataclass
from uuid import UUID

from lingxi_agent.domain.agent import Agent, Events, Pending, closed, new_version
from lingxi_contracts.agent import (
    ApplySuggestion,
    PersonalityChanged,
    PersonalityReviewed,
    PersonalitySuggested,
    PersonalitySuggestion,
    RecordReview,
)
from lingxi_contracts.errors import SuggestionNotFound
from lingxi_contracts.identity import suggestion_id

PENDING_MAX = 20
REVIEW_REST_MESSAGES = 100


@dataclass(frozen=True, slots=True)
class Reviewed:
    """How far a session was looked at, and until when it is let alone."""

    up_to_seq: int = 0
    rests_until_seq: int = 0

    def is_due(self, to_seq: int) -> bool:
        """Whether it is to be looked at up to there."""
        return to_seq > self.up_to_seq and to_seq >= self.rests_until_seq


def waiting(agent: Agent, session_id: UUID) -> Pending | None:
    """The suggestion of a session that waits."""
    return next((one for one in agent.pending if one.session_id == session_id), None)


def record_review(agent: Agent, command: RecordReview, reviewed: Reviewed) -> Events:
    """What a review found: nothing, a suggestion, or, if it is sure enough, a new version."""
    if command.to_seq <= reviewed.up_to_seq:
        return ()
    done = PersonalityReviewed(session_id=command.session_id, to_seq=command.to_seq)
    if not (reviewed.is_due(command.to_seq) and _changes(agent, command)):
        return (done,)
    confidence = agent.parameters.auto_apply_confidence
    if confidence is None or command.confidence < confidence:
        return (done, *_suggest(agent, command))
    changed = PersonalityChanged(
        version=agent.personality_version + 1,
        personality_prompt=command.suggested_personality,
        source="auto",
        reason=command.reason,
        confidence=command.confidence,
        evidence=command.evidence,
    )
    return (done, *new_version(agent, changed))


def apply(agent: Agent, command: ApplySuggestion, suggestion: PersonalitySuggestion) -> Events:
    """The suggestion that waits as the newest version, in the user's words if there are any.

    Raises:
        SuggestionNotFound: another one waits, or none.
    """
    pending = waiting(agent, command.session_id)
    if pending is None or pending.suggestion_id != suggestion.suggestion_id:
        raise SuggestionNotFound
    text = command.suggested_personality
    if text is None:
        text = suggestion.suggested_personality
    if text == agent.personality_prompt:  # edited back to what it was
        return (closed(pending, "applied"),)
    changed = PersonalityChanged(
        version=agent.personality_version + 1,
        personality_prompt=text,
        source="suggestion",
        reason=suggestion.reason,
        confidence=suggestion.confidence,
        evidence=suggestion.evidence,
    )
    return new_version(agent, changed, pending)


def dismiss(agent: Agent, session_id: UUID, reviewed: Reviewed) -> Events:
    """Not this one, and for a while no other in this session. Raises SuggestionNotFound."""
    pending = waiting(agent, session_id)
    if pending is None:
        raise SuggestionNotFound
    return (closed(pending, "dismissed", reviewed.up_to_seq + REVIEW_REST_MESSAGES),)


def lapse(agent: Agent, session_id: UUID) -> Events:
    """The session is gone: so is its suggestion, if one waits."""
    pending = waiting(agent, session_id)
    return () if pending is None else (closed(pending, "lapsed"),)


def _changes(agent: Agent, command: RecordReview) -> bool:
    return (
        command.should_update
        and command.based_on_version == agent.personality_version
        and command.suggested_personality not in ("", agent.personality_prompt)
    )


def _suggest(agent: Agent, command: RecordReview) -> Events:
    earlier = waiting(agent, command.session_id)
    oldest = agent.pending[0] if len(agent.pending) >= PENDING_MAX else None
    gives_way = earlier or oldest
    suggested = PersonalitySuggested(
        suggestion_id=suggestion_id(command.session_id, command.to_seq),
        session_id=command.session_id,
        reason=command.reason,
        suggested_personality=command.suggested_personality,
        confidence=command.confidence,
        based_on_version=command.based_on_version,
        evidence=command.evidence,
    )
    return (suggested,) if gives_way is None else (closed(gives_way, "lapsed"), suggested)
