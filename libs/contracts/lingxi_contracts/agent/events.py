"""What happens to an agent, and to what it remembers.

Streams: one agent; one memory. A personality is a text with a version; every change is a new
version that says where it came from. Version 1 comes with the agent.
"""

from uuid import UUID

from pydantic import Field

from lingxi_contracts.agent.values import (
    AgentParameters,
    AgentTimings,
    Evidence,
    PersonalitySource,
    SuggestionOutcome,
)
from lingxi_contracts.base import Event, Text, by_tag


class AgentCreated(Event):
    """A user made an agent. Its first personality follows as `personality_changed`."""

    tag = "agent_created.v1"
    name: Text
    parameters: AgentParameters
    timings: AgentTimings | None


class AgentChanged(Event):
    """The user changed name, parameters or timings; the event tells all of them as they are now."""

    tag = "agent_changed.v1"
    name: Text
    parameters: AgentParameters
    timings: AgentTimings | None


class PersonalityChanged(Event):
    """The ledger has a new version. `restored_from` is set for a rollback. Reason and evidence are
    gone with the session they came from."""

    tag = "personality_changed.v1"
    version: int = Field(ge=1)
    personality_prompt: Text
    source: PersonalitySource
    reason: Text | None = None
    confidence: float | None = None
    evidence: tuple[Evidence, ...] = ()
    restored_from: int | None = None


class AgentDeleted(Event):
    """The agent is gone for good, and with it its sessions."""

    tag = "agent_deleted.v1"


class PersonalityReviewed(Event):
    """Somebody looked at a session up to a seq, whether the personality should adapt to it."""

    tag = "personality_reviewed.v1"
    session_id: UUID
    to_seq: int = Field(ge=1)


class PersonalitySuggested(Event):
    """A change of the personality waits for the user; any new version lapses it. Its texts are
    empty once its session is deleted."""

    tag = "personality_suggested.v1"
    suggestion_id: UUID
    session_id: UUID
    reason: Text
    suggested_personality: Text
    confidence: float
    based_on_version: int = Field(ge=1)
    evidence: tuple[Evidence, ...] = ()


class PersonalitySuggestionClosed(Event):
    """A suggestion does not wait any more.

    `rests_until_seq` comes with a dismissal: until then the session is not looked at again.
    """

    tag = "personality_suggestion_closed.v1"
    suggestion_id: UUID
    session_id: UUID
    outcome: SuggestionOutcome
    rests_until_seq: int | None = None


class MemoryRecorded(Event):
    """The agent learned something about the user. Stream: one memory."""

    tag = "memory_recorded.v1"
    agent_id: UUID
    text: Text
    evidence: tuple[Evidence, ...] = ()


class MemoryChanged(Event):
    """A memory has another text: by the user, whose word is final, or by what was learned since."""

    tag = "memory_changed.v1"
    agent_id: UUID
    text: Text
    evidence: tuple[Evidence, ...] = ()
    by_user: bool


class MemoryForgotten(Event):
    """The memory is gone for good; its content is erased."""

    tag = "memory_forgotten.v1"
    agent_id: UUID


EVENTS = by_tag(
    (
        AgentCreated,
        AgentChanged,
        PersonalityChanged,
        AgentDeleted,
        PersonalityReviewed,
        PersonalitySuggested,
        PersonalitySuggestionClosed,
        MemoryRecorded,
        MemoryChanged,
        MemoryForgotten,
    )
)
