"""Suggestions of a personality, as clients see them."""

from uuid import UUID

from pydantic import Field

from lingxi_contracts.agent import Evidence, PersonalitySuggested, PersonalitySuggestion
from lingxi_gateway.entrypoints.http.wire.base import Shape


class Suggestion(Shape):
    """A change of an agent's personality that waits for the user."""

    id: UUID
    should_update: bool = True
    reason: str
    suggested_personality: str
    confidence: float = Field(description="From 0 to 1.")
    based_on_version: int
    evidence: tuple[Evidence, ...] = Field(description="The messages that it rests on.")


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
