"""What scheduler owns: the decisions whether an agent writes first.

Stream: one session. A decision is recorded before it is carried out, once; it is carried out at
most once. Skips are decisions too: the user can read why the agent wrote, and why it did not.
"""

from datetime import date, datetime
from typing import ClassVar, Literal
from uuid import UUID

from pydantic import Field

from lingxi_contracts.base import Answer, Event, Frozen, Request, Text, by_tag

OWNER = "scheduler"

PROACTIVE_CHARS_MAX = 4_000
REASON_CHARS_MAX = 1_000
DECISIONS_PAGE_MAX = 100

Gate = Literal[
    "off",
    "unread",
    "quiet_hours",
    "daily_cap",
    "unanswered",
    "too_few_messages",
    "flagged",
    "turn_open",
    "typing",
    "model",
]
"""What kept the agent from writing, in the order in which they are looked at, cheapest first."""
Outcome = Literal["sent", "skipped", "expired", "failed"]


# Events


class ProactiveDecided(Event):
    """Whether the agent writes first, and what.

    `armed_seq` is the session's newest seq when its timer was set: with the session it makes
    the decision's id, so that one silence is decided once. With a `text` it is to be sent until
    `expires_at`, and counts for a day of the user's; without one it is skipped, by `gate`, until
    `next_at` if that is a time. A skip that does not end the silence has an id of its own.
    """

    tag = "proactive_decided.v1"
    decision_id: UUID
    agent_id: UUID
    armed_seq: int = Field(ge=1)
    reason: Text
    gate: Gate | None = None
    text: Text | None = None
    based_on_user_seq: int | None = None
    expires_at: datetime | None = None
    next_at: datetime | None = None
    counts_for: date | None = None


class ProactiveSettled(Event):
    """What became of a decision to write. `reason` is the refusal when it was not sent.

    `freed`: the day that it does not count for any more.
    """

    tag = "proactive_settled.v1"
    decision_id: UUID
    outcome: Outcome
    reason: Text
    message_id: UUID | None = None
    freed: date | None = None


class WatchEnded(Event):
    """The session is gone for good; what was decided about it is erased."""

    tag = "watch_ended.v1"


EVENTS = by_tag((ProactiveDecided, ProactiveSettled, WatchEnded))


# Views


class DecisionView(Frozen):
    """One line of the decision log."""

    decision_id: UUID
    at: datetime
    outcome: Outcome
    reason: str
    gate: Gate | None = None
    message_id: UUID | None = None
    next_at: datetime | None = None


class DecisionPage(Answer):
    """Decisions, newest first. `next_before`: ask on from there; null at the end."""

    results: tuple[DecisionView, ...]
    next_before: UUID | None


# Questions


class ListDecisions(Request[DecisionPage]):
    """The decisions about a session of the user, newest first; of an unknown one none."""

    owner: ClassVar[str] = OWNER
    name = "list_decisions"
    user_id: UUID
    session_id: UUID
    before: UUID | None = None
    limit: int = Field(default=DECISIONS_PAGE_MAX, ge=1, le=DECISIONS_PAGE_MAX)
