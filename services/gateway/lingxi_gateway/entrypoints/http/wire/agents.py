"""Agents and their personalities, as clients see them."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, JsonValue

from lingxi_contracts.agent import (
    AgentParameters,
    AgentTimings,
    AgentView,
    CreateAgent,
    Evidence,
    Name,
    PersonalityPrompt,
    PersonalitySource,
    PersonalityVersion,
)
from lingxi_gateway.entrypoints.http.wire.base import Shape, absent_if_none, not_too_deep

_EXAMPLE: dict[str, JsonValue] = {
    "name": "Lin",
    "parameters": {"personality_prompt": "You are a calm friend.", "temperature": 0.7},
    "timings": {"inactivity_check_minutes": 30, "quiet_hours": {"start": "22:00", "end": "08:00"}},
}


class ParametersBody(AgentParameters):
    """An agent's parameters with its personality; keys that are not known are kept."""

    personality_prompt: PersonalityPrompt = ""


class AgentBody(Shape):
    """A whole agent, as a client writes it."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    name: Name
    parameters: Annotated[ParametersBody, BeforeValidator(not_too_deep)] = ParametersBody()
    timings: AgentTimings | None = None

    def create(self, user_id: UUID, agent_id: UUID) -> CreateAgent:
        """The command that makes it."""
        given = self.parameters.model_dump(exclude={"personality_prompt"}, exclude_unset=True)
        return CreateAgent(
            user_id=user_id,
            agent_id=agent_id,
            agent_name=self.name,
            parameters=AgentParameters.model_validate(given),
            personality_prompt=self.parameters.personality_prompt,
            timings=self.timings,
        )


type AgentPatch = Annotated[
    dict[str, Any],
    AfterValidator(not_too_deep),
    Field(examples=[{"parameters": {"temperature": 0.3, "max_tokens": None}}]),
]
"""A JSON merge patch (RFC 7396) on an agent; null removes or resets."""


class PersonalityBody(Shape):
    """A personality, written by hand."""

    personality_prompt: PersonalityPrompt = Field(examples=["You are a calm friend."])


VERSION_MAX = 2**31 - 1


class RollbackBody(Shape):
    """The version to return to."""

    version: int = Field(ge=1, le=VERSION_MAX, strict=True, examples=[1])


class Parameters(Shape):
    """An agent's parameters; keys of the client's own are there too."""

    model_config = ConfigDict(extra="allow")

    model: str = Field(description="The operator's model where the agent names none.")
    personality_prompt: str
    temperature: float | None = absent_if_none()
    max_tokens: int | None = absent_if_none()
    proactive_behavior: Literal["off", "conservative", "balanced", "aggressive"]
    auto_apply_confidence: float | None


class Agent(Shape):
    """An agent."""

    id: UUID
    name: str
    parameters: Parameters
    timings: AgentTimings | None
    personality_version: int
    created_at: datetime
    updated_at: datetime


class PersonalityWritten(Shape):
    """A personality was written."""

    success: Literal[True] = True
    personality_prompt: str


class LedgerEntry(Shape):
    """One version of a personality, and where it came from."""

    version: int
    personality_prompt: str
    source: PersonalitySource
    reason: str | None = absent_if_none()
    confidence: float | None = absent_if_none()
    evidence: list[Evidence]
    restored_from: int | None = absent_if_none()
    created_at: datetime


class Ledger(Shape):
    """Versions, newest first. `next` is the URL of older ones, where they are too long for one
    answer."""

    results: list[LedgerEntry]
    next: str | None


def agent(view: AgentView, default_model: str) -> Agent:
    """An agent; where it names no model, the operator's."""
    stored = view.parameters.model_dump()
    stored["model"] = view.parameters.model or default_model
    stored["personality_prompt"] = view.personality_prompt
    return Agent(
        id=view.agent_id,
        name=view.name,
        parameters=Parameters.model_validate(stored),
        timings=view.timings,
        personality_version=view.personality_version,
        created_at=view.created_at,
        updated_at=view.updated_at,
    )


def ledger_entry(version: PersonalityVersion) -> LedgerEntry:
    """One version of a personality."""
    return LedgerEntry.model_validate(version.model_dump())
