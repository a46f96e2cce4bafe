"""The profile a turn asks for, and the default agent that is made at its first need."""

import asyncio
from uuid import UUID

import pytest

from lingxi_chassis.ids import new_id
from lingxi_chassis.postgres import fetch_all
from lingxi_contracts.agent import (
    AgentParameters,
    ChangeAgent,
    ChangePersonality,
    CreateAgent,
    DeleteAgent,
    GetProfile,
    ListAgents,
)
from lingxi_contracts.errors import AgentNotFound
from services.agent.tests.component.conftest import RunningAgent


async def test_six_concurrent_first_needs_make_one_default_agent(
    agent: RunningAgent, user_id: UUID
) -> None:
    first_needs = [agent.rpc.call(GetProfile(user_id=user_id, agent_id=None)) for _ in range(6)]
    profiles = await asyncio.gather(*first_needs)
    assert len({profile.agent_id for profile in profiles}) == 1
    assert profiles[0].name == "default"
    assert profiles[0].personality_version == 1
    page = await agent.rpc.call(ListAgents(user_id=user_id, offset=0, limit=100))
    assert [found.agent_id for found in page.results] == [profiles[0].agent_id]
    events = await fetch_all(agent.pool, "select type from events order by position", {})
    assert events == [("agent_created.v1",), ("personality_changed.v1",)]
