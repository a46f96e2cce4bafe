"""Suggestions of a personality, as clients see them."""

from typing import Literal
from uuid import UUID

from pydantic import Field

from lingxi_contracts.agent import (
    Evidence,
    PersonalityPrompt,
    PersonalitySuggested,
    PersonalitySuggestion,
)
from lingxi_gateway.entrypoints.http.wire.base import Shape, absent_if_none


class Suggestion(Shape):
    """A change of an agent's personality that waits for the user."""

    id: UUID
    should_update: bool = True
    reason: str
    suggested_personality: str
    confidence: float = Field(description="From 0 to 1.")
    based_on_version: int
    evidence: tuple[Evidence, ...] = Field(description="The messages that it rests on.")


class SuggestionOfSession(Shape):
    """Whether a change waits for the user in this session, and which."""

    session_id: UUID
    has_suggestion: bool
    suggestion: Suggestion | None = absent_if_none()


class SuggestionBody(Shape):
    """The suggestion in the user's words; without them, as it was made."""

    suggested_personality: PersonalityPrompt | None = Field(
        default=None, examples=["You are a calm friend. You answer in one sentence."]
    )


class SuggestionDismissed(Shape):
    """The suggestion does not wait any more."""

    success: Literal[True] = True


def suggestion(told: PersonalitySuggested | PersonalitySuggestion) -> Suggestion:
    """A suggestion, as an event or as an answer tells it."""
    return Suggestion(
        id=told.suggestion_id,
        reason=told.reason,
        suggested_personality=told.suggested_personality,
        confidence=told.confidence,
        based_on_version=told.based_on_version,
        evidence=told.evidence,
    )
