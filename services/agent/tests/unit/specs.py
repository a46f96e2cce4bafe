"""Given events, when a command, then events."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from lingxi_agent.domain.agent import Agent, AgentEvent, Command, Events, decide, evolve
from lingxi_contracts.agent import (
    AgentCreated,
    AgentParameters,
    ChangeAgent,
    PersonalityChanged,
)

AT = datetime(2026, 11, 22, 12, tzinfo=UTC)
USER_ID = UUID(int=1)
AGENT_ID = UUID(int=2)
IDS: dict[str, Any] = {"user_id": USER_ID, "agent_id": AGENT_ID}

CREATED = AgentCreated(
    name="Mo", parameters=AgentParameters.model_validate({"model": "gpt", "mood": 1}), timings=None
)
FIRST = PersonalityChanged(version=1, personality_prompt="Kind.", source="created")
SECOND = PersonalityChanged(version=2, personality_prompt="Blunt.", source="manual")


def given(*events: AgentEvent) -> Agent | None:
    """The state after events."""
    agent = None
    for event in events:
        agent = evolve(agent, event, AT)
    return agent


def when(agent: Agent | None, command: Command, restored: str | None = None) -> Events:
    """What the command decides."""
    return decide(agent, command, restored)


def patch(document: dict[str, Any], *, replace: bool = False) -> ChangeAgent:
    """A change by a merge patch, or by a whole document."""
    return ChangeAgent(**IDS, patch=document, replace=replace)
