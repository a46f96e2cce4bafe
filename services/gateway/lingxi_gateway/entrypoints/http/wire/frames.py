"""The data of the feed's frames."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import Field

from lingxi_contracts.agent import AgentTimings, PersonalitySource, SuggestionOutcome
from lingxi_contracts.chat import FailureCode, Usage
from lingxi_gateway.application.feed import ResetReason
from lingxi_gateway.entrypoints.http.wire.base import Shape, absent_if_none
from lingxi_gateway.entrypoints.http.wire.memories import Memory
from lingxi_gateway.entrypoints.http.wire.sessions import Message, Session
from lingxi_gateway.entrypoints.http.wire.suggestions import Suggestion


class Told(Shape):
    """What every frame of an event has."""

    event_id: UUID
    at: datetime
    session_id: UUID | None = absent_if_none()
    agent_id: UUID | None = absent_if_none()


class MessageTold(Told):
    """Somebody said something: the user (`message_posted`), or the agent (`message_sent`)."""

    message: Message


class TurnTold(Told):
    """The agent begins to answer."""

    turn_id: UUID


class TurnCompletedTold(TurnTold):
    """The answer is complete; its messages were told before."""

    message_ids: tuple[UUID, ...]
    model: str
    fallback_from: str | None = absent_if_none("The model that the provider did not know.")
    usage: Usage
    latency_ms: int


class TurnFailedTold(TurnTold):
    """There is no answer, and why."""

    code: FailureCode
    detail: str
    retryable: bool


class TurnStoppedTold(TurnTold):
    """The user stopped it; the messages are what was said by then."""

    message_ids: tuple[UUID, ...]


class SupersededTold(Told):
    """These messages were replaced."""

    message_ids: tuple[UUID, ...]
    by_turn_id: UUID


class ReadTold(Told):
    """The user has read the agent's messages up to this seq, on whatever device."""

    up_to_seq: int
    unread_count: int


class SessionTold(Told):
    """A session, as it begins."""

    session: Session


class TitleTold(Told):
    """A session's new title."""

    title: str


class AgentDocument(Shape):
    """An agent, but for its personality: `personality_changed` tells that."""

    id: UUID
    name: str
    parameters: dict[str, Any]
    timings: AgentTimings | None
    updated_at: datetime


class AgentTold(Told):
    """An agent as it is from now on."""

    agent: AgentDocument


class PersonalityTold(Told):
    """A new version of an agent's personality."""

    version: int
    personality_prompt: str
    source: PersonalitySource


class SummaryTold(Told):
    """What the session was about up to a seq; the title is the session's from now on, unless the
    user chose one."""

    title: str
    summary: str
    covers_up_to: int


class SummaryWithdrawnTold(Told):
    """Some of what the summary told was replaced: the one up to this seq stands; 0: none."""

    covers_up_to: int


class FlaggedTold(Told):
    """A message of the user's needs care: of which kind, and what the operator says about it."""

    message_id: UUID
    critical_type: str
    text: str
    links: tuple[str, ...]


class SuggestionTold(Told):
    """A change of the agent's personality waits for the user."""

    suggestion: Suggestion


class SuggestionClosedTold(Told):
    """The suggestion does not wait any more."""

    suggestion_id: UUID
    outcome: SuggestionOutcome


class MemoryTold(Told):
    """Something that the agent knows about the user, as it is from now on."""

    memory: Memory


class MemoryForgottenTold(Told):
    """The agent does not know it any more."""

    memory_id: UUID


class Ready(Shape):
    """The first frame: the feed goes on behind the cursor."""

    cursor: str
    server_time: datetime


class Reset(Shape):
    """Events were missed: read the sessions again. The feed goes on from the cursor."""

    reason: ResetReason
    cursor: str


class DeltaTold(Shape):
    """A piece of a message while it is made. A new `attempt` replaces what earlier ones showed."""

    session_id: UUID
    turn_id: UUID
    attempt: int
    bubble: int
    offset_chars: int = Field(description="Where in the bubble the text begins, in code points.")
    text: str


class TypingTold(Shape):
    """Somebody is writing, until then or until told otherwise."""

    session_id: UUID
    who: Literal["user", "agent"]
    until: datetime


FRAMES: Mapping[str, type[Shape]] = {
    "ready": Ready,
    "message_posted": MessageTold,
    "message_sent": MessageTold,
    "turn_started": TurnTold,
    "turn_completed": TurnCompletedTold,
    "turn_failed": TurnFailedTold,
    "turn_stopped": TurnStoppedTold,
    "messages_superseded": SupersededTold,
    "messages_read": ReadTold,
    "message_flagged": FlaggedTold,
    "summary_written": SummaryTold,
    "summary_withdrawn": SummaryWithdrawnTold,
    "session_started": SessionTold,
    "session_renamed": TitleTold,
    "session_deleted": Told,
    "agent_created": AgentTold,
    "agent_changed": AgentTold,
    "agent_deleted": Told,
    "personality_changed": PersonalityTold,
    "personality_suggested": SuggestionTold,
    "personality_suggestion_closed": SuggestionClosedTold,
    "memory_recorded": MemoryTold,
    "memory_changed": MemoryTold,
    "memory_forgotten": MemoryForgottenTold,
    "delta": DeltaTold,
    "typing": TypingTold,
    "reset": Reset,
}
"""The data of every frame by its name."""
UNTOLD = frozenset({"summary_due", "personality_review_due", "personality_reviewed"})
"""Events that are work for others; clients aren't told of them."""
