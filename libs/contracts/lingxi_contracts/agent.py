"""What agent owns: agents and the ledger of their personalities.

Stream: one agent. A personality is a text with a version; every change is a new version that says
where it came from. Version 1 comes with the agent.
"""

from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal
from uuid import UUID

from pydantic import ConfigDict, Field, StringConstraints

from lingxi_contracts.base import Answer, Event, Frozen, Nothing, Request, Text, by_tag

OWNER = "agent"

NAME_CHARS_MAX = 100
PERSONALITY_CHARS_MAX = 16_000
MODEL_CHARS_MAX = 200
PARAMETERS_BYTES_MAX = 32_768
"""All parameters of an agent as JSON, unknown keys too."""
PAGE_SIZE_MAX = 100
INACTIVITY_CHECK_MINUTES_DEFAULT = 5
DEFAULT_AGENT_NAME = "default"

PersonalitySource = Literal["created", "manual", "suggestion", "auto", "rollback"]
Name = Annotated[Text, StringConstraints(min_length=1, max_length=NAME_CHARS_MAX)]
PersonalityPrompt = Annotated[Text, StringConstraints(max_length=PERSONALITY_CHARS_MAX)]
TimeOfDay = Annotated[str, StringConstraints(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]


class AgentParameters(Frozen):
    """How an agent speaks; keys it does not know are kept. The personality is in the ledger.

    `model` null means the operator's default model. `auto_apply_confidence` null means never.
    """

    model_config = ConfigDict(extra="allow")

    model: Annotated[Text, StringConstraints(min_length=1, max_length=MODEL_CHARS_MAX)] | None = (
        None
    )
    temperature: float | None = Field(default=None, ge=0, le=2, strict=True)
    max_tokens: int | None = Field(default=None, ge=1, le=32_768, strict=True)
    proactive_behavior: Literal["off", "conservative", "balanced", "aggressive"] = "balanced"
    auto_apply_confidence: float | None = Field(default=0.8, ge=0, le=1, strict=True)


class QuietHours(Frozen):
    """A span of the day in the user's time zone; it may pass midnight."""

    start: TimeOfDay
    end: TimeOfDay


class AgentTimings(Frozen):
    """When an agent may write first. `daily_cap` counts messages; null: the behaviour's own."""

    inactivity_check_minutes: int = Field(
        default=INACTIVITY_CHECK_MINUTES_DEFAULT, ge=1, le=525_600, strict=True
    )
    quiet_hours: QuietHours | None = None
    daily_cap: int | None = Field(default=None, ge=0, le=100, strict=True)


class Evidence(Frozen):
    """A message that something was concluded from."""

    session_id: UUID
    message_id: UUID


# Events


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
    """The ledger has a new version. `restored_from` is set for a rollback."""

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


EVENTS = by_tag((AgentCreated, AgentChanged, PersonalityChanged, AgentDeleted))


# Views


class AgentView(Answer):
    """An agent as its user sees it."""

    agent_id: UUID
    name: str
    parameters: AgentParameters
    timings: AgentTimings | None
    personality_prompt: str
    personality_version: int
    created_at: datetime
    updated_at: datetime


class AgentPage(Answer):
    """Agents, oldest first. `next_offset`: ask on from there; null at the end."""

    count: int
    results: tuple[AgentView, ...]
    next_offset: int | None


class AgentPlace(Frozen):
    """An agent's place in the order of creation."""

    created_at: datetime
    agent_id: UUID


class AgentWalk(Answer):
    """The agents after a place. `next_after`: walk on from there; null at the end."""

    results: tuple[AgentView, ...]
    next_after: AgentPlace | None


class PersonalityVersion(Frozen):
    """One entry of the ledger."""

    version: int
    personality_prompt: str
    source: PersonalitySource
    reason: str | None = None
    confidence: float | None = None
    evidence: tuple[Evidence, ...] = ()
    restored_from: int | None = None
    created_at: datetime


class PersonalityHistory(Answer):
    """Versions, newest first, below `before`. A page may end early at its byte bound."""

    results: tuple[PersonalityVersion, ...]
    next_before: int | None


class AgentProfile(Answer):
    """What a turn needs to speak as an agent."""

    agent_id: UUID
    name: str
    personality_prompt: str
    personality_version: int
    parameters: AgentParameters


# Commands and questions


class AgentRequest[A: Answer](Request[A]):
    """Any request to agent: always in the name of one user."""

    owner: ClassVar[str] = OWNER
    user_id: UUID


class CreateAgent(AgentRequest[AgentView]):
    """Make an agent under an id of the caller's. A repeat answers the same."""

    name = "create_agent"
    agent_id: UUID
    agent_name: Name
    parameters: AgentParameters = AgentParameters()
    personality_prompt: PersonalityPrompt = ""
    timings: AgentTimings | None = None


class ChangeAgent(AgentRequest[AgentView]):
    """Change an agent. `patch` is a JSON merge patch (RFC 7396) on `{name, parameters, timings}`
    with `personality_prompt` among the parameters; with `replace` it is the whole new document."""

    name = "change_agent"
    agent_id: UUID
    patch: dict[str, Any]
    replace: bool = False


class ChangePersonality(AgentRequest[AgentView]):
    """Write a new personality by hand. The same text again is no new version."""

    name = "change_personality"
    agent_id: UUID
    personality_prompt: PersonalityPrompt


class RollBackPersonality(AgentRequest[AgentView]):
    """Make the text of an earlier version the newest version."""

    name = "roll_back_personality"
    agent_id: UUID
    version: int = Field(ge=1)


class DeleteAgent(AgentRequest[Nothing]):
    """Delete an agent for good; its sessions go with it."""

    name = "delete_agent"
    agent_id: UUID


class GetAgent(AgentRequest[AgentView]):
    """One agent."""

    name = "get_agent"
    agent_id: UUID


class ListAgents(AgentRequest[AgentPage]):
    """The user's agents, oldest first."""

    name = "list_agents"
    offset: int = Field(ge=0)
    limit: int = Field(ge=1, le=PAGE_SIZE_MAX)


class WalkAgents(AgentRequest[AgentWalk]):
    """All of the user's agents, oldest first, piece by piece: none is missed or told twice,
    whatever is created or deleted meanwhile."""

    name = "walk_agents"
    after: AgentPlace | None = None
    limit: int = Field(default=PAGE_SIZE_MAX, ge=1, le=PAGE_SIZE_MAX)


class GetPersonalityHistory(AgentRequest[PersonalityHistory]):
    """The ledger, newest version first."""

    name = "get_personality_history"
    agent_id: UUID
    before: int | None = Field(default=None, ge=1)


class GetProfile(AgentRequest[AgentProfile]):
    """The newest profile. Without an id: of the agent named `default`, made at its first need."""

    name = "get_profile"
    agent_id: UUID | None
