"""Commands and questions to agent."""

from typing import Any, ClassVar
from uuid import UUID

from pydantic import Field

from lingxi_contracts.agent.values import (
    ABOUT_CHARS_MAX,
    EVIDENCE_MAX,
    LEARNED_MAX,
    OWNER,
    PAGE_SIZE_MAX,
    AgentParameters,
    AgentTimings,
    Evidence,
    MemoryText,
    Name,
    PersonalityPrompt,
    Reason,
)
from lingxi_contracts.agent.views import (
    AgentPage,
    AgentPlace,
    AgentProfile,
    AgentView,
    AgentWalk,
    MemoryPage,
    MemoryView,
    PersonalityHistory,
    PersonalityReview,
    ReviewRecorded,
    SuggestionAnswer,
)
from lingxi_contracts.base import Answer, Frozen, Nothing, Request, Text


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
    about: Text = Field(default="", max_length=ABOUT_CHARS_MAX)
    """What is talked about: memories that fit it come first."""


class GetPersonalityReview(AgentRequest[PersonalityReview]):
    """Whether a session is to be looked at up to a seq, and what the personality is now."""

    name = "get_personality_review"
    agent_id: UUID
    session_id: UUID
    to_seq: int = Field(ge=1)


class RecordReview(AgentRequest[ReviewRecorded]):
    """What a review found. A repeat (same session and `to_seq`) changes nothing.

    A change that rests on an older version than the newest is not applied by itself. Above the
    agent's `auto_apply_confidence` it is applied, else it waits as a suggestion.
    """

    name = "record_review"
    agent_id: UUID
    session_id: UUID
    to_seq: int = Field(ge=1)
    based_on_version: int = Field(ge=1)
    should_update: bool
    reason: Reason = ""
    suggested_personality: PersonalityPrompt = ""
    confidence: float = Field(default=0, ge=0, le=1)
    evidence: tuple[Evidence, ...] = Field(default=(), max_length=EVIDENCE_MAX)


class GetSuggestion(AgentRequest[SuggestionAnswer]):
    """The suggestion of a session that waits for the user."""

    name = "get_suggestion"
    agent_id: UUID
    session_id: UUID


class ApplySuggestion(AgentRequest[AgentView]):
    """Make the waiting suggestion the newest version, in the user's words if they edited it.

    Refused: SuggestionNotFound.
    """

    name = "apply_suggestion"
    agent_id: UUID
    session_id: UUID
    suggested_personality: PersonalityPrompt | None = None


class DismissSuggestion(AgentRequest[Nothing]):
    """Not this one. The session is let alone for a while. Refused: SuggestionNotFound."""

    name = "dismiss_suggestion"
    agent_id: UUID
    session_id: UUID


class LearnedFact(Frozen):
    """Something worth knowing about the user, and the user's messages that say so.

    `replaces`: the memory that it corrects or makes more exact.
    """

    text: MemoryText
    message_ids: tuple[UUID, ...] = Field(max_length=EVIDENCE_MAX)
    replaces: UUID | None = None


class RecordMemories(AgentRequest[Nothing]):
    """What was learned from the messages of a session from one seq to another.

    Once a range: a repeat changes nothing. What is known already is not recorded again; what the
    user wrote is not replaced.
    """

    name = "record_memories"
    agent_id: UUID
    session_id: UUID
    covers_from: int = Field(ge=1)
    covers_up_to: int = Field(ge=1)
    facts: tuple[LearnedFact, ...] = Field(max_length=LEARNED_MAX)


class ListMemories(AgentRequest[MemoryPage]):
    """What the agent knows about its user, oldest first."""

    name = "list_memories"
    agent_id: UUID
    after: UUID | None = None
    limit: int = Field(default=PAGE_SIZE_MAX, ge=1, le=PAGE_SIZE_MAX)


class ChangeMemory(AgentRequest[MemoryView]):
    """Say a memory in the user's words. Refused: AgentNotFound, MemoryNotFound."""

    name = "change_memory"
    agent_id: UUID
    memory_id: UUID
    text: MemoryText


class ForgetMemory(AgentRequest[Nothing]):
    """Forget it for good. Refused: AgentNotFound, MemoryNotFound."""

    name = "forget_memory"
    agent_id: UUID
    memory_id: UUID
