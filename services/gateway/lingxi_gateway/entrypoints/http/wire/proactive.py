"""Why an agent wrote first, and why it did not, as clients see it."""

from datetime import datetime
from uuid import UUID

from pydantic import Field

from lingxi_contracts.scheduler import DecisionView, Gate, Outcome
from lingxi_gateway.entrypoints.http.wire.base import Shape, absent_if_none


class Decision(Shape):
    """One decision whether the agent writes first."""

    id: UUID
    at: datetime
    outcome: Outcome
    gate: Gate | None = absent_if_none("What kept the agent from writing.")
    reason: str = Field(description="Why, in a sentence.")
    message_id: UUID | None = absent_if_none("The message that was sent.")
    next_at: datetime | None = absent_if_none("When it is looked at again, if that is a time.")


class Decisions(Shape):
    """The decisions about a session, newest first, at most 100."""

    results: list[Decision]


def decision(view: DecisionView) -> Decision:
    """A decision."""
    return Decision(
        id=view.decision_id,
        at=view.at,
        outcome=view.outcome,
        gate=view.gate,
        reason=view.reason,
        message_id=view.message_id,
        next_at=view.next_at,
    )
