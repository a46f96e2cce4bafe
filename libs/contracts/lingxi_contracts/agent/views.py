"""Agents, their personalities and their memories as their readers see them."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from lingxi_contracts.agent.values import (
    AgentParameters,
    AgentTimings,
    Evidence,
    PersonalitySource,
)
from lingxi_contracts.base import Answer, Frozen


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
    memories: tuple[str, ...] = ()
    """What the agent knows about the user, as far as it fits: what fits best comes first."""
    memories_complete: bool = False
    """There are no others."""


class PersonalityReview(Answer):
    """What a review needs of the agent. Not `due`: it was done, or this session is to be let alone
    for a while after a dismissal."""

    due: bool
    agent_name: str
    personality_prompt: str
    based_on_version: int


class ReviewRecorded(Answer):
    """What came of a review."""

    outcome: Literal["unchanged", "suggested", "applied"]


class PersonalitySuggestion(Frozen):
    """A change of the personality that waits for the user."""

    suggestion_id: UUID
    session_id: UUID
    reason: str
    suggested_personality: str
    confidence: float
    based_on_version: int
    evidence: tuple[Evidence, ...] = ()
    created_at: datetime


class SuggestionAnswer(Answer):
    """The suggestion of a session that waits, if there is one."""

    suggestion: PersonalitySuggestion | None


class MemoryView(Answer):
    """Something that an agent knows about its user."""

    memory_id: UUID
    agent_id: UUID
    text: str
    evidence: tuple[Evidence, ...]
    created_at: datetime
    updated_at: datetime
    by_user: bool = False
    """The user wrote it so: nothing that is learned changes it."""


class MemoryPage(Answer):
    """Memories of an agent, oldest first. `next_after`: ask on from there; null at the end."""

    results: tuple[MemoryView, ...]
    next_after: UUID | None
