"""Mine only: another user's agent is answered exactly as an unknown one, on every request."""

from typing import Any
from uuid import UUID

import pytest

from lingxi_chassis.ids import new_id
from lingxi_chassis.postgres import fetch_all
from lingxi_contracts.agent import (
    AgentRequest,
    AgentView,
    ApplySuggestion,
    ChangeAgent,
    ChangeMemory,
    ChangePersonality,
    CreateAgent,
    DeleteAgent,
    DismissSuggestion,
    ForgetMemory,
    GetAgent,
    GetPersonalityHistory,
    GetPersonalityReview,
    GetProfile,
    GetSuggestion,
    LearnedFact,
    ListAgents,
    ListMemories,
    RecordMemories,
    RecordReview,
    RollBackPersonality,
)
from lingxi_contracts.base import Answer
from lingxi_contracts.errors import AgentNotFound
from services.agent.tests.component.conftest import RunningAgent


async def create(agent: RunningAgent, user_id: UUID, name: str) -> AgentView:
    command = CreateAgent(user_id=user_id, agent_id=new_id(), agent_name=name)
    return await agent.rpc.call(command)


async def log(agent: RunningAgent) -> list[Any]:
    return await fetch_all(agent.pool, "select event_id from events order by position", {})


def requests_about(user_id: UUID, agent_id: UUID) -> list[AgentRequest[Any]]:
    """Every request that names an agent that exists."""
    ids: dict[str, Any] = {"user_id": user_id, "agent_id": agent_id}
    return [
        ChangeAgent(**ids, patch={"name": "Mine"}),
        ChangePersonality(**ids, personality_prompt="Mine."),
        RollBackPersonality(**ids, version=1),
        RollBackPersonality(**ids, version=9),
        GetAgent(**ids),
        GetPersonalityHistory(**ids),
        GetPersonalityHistory(**ids, before=1),
        GetProfile(**ids),
        *requests_of_the_companion(ids),
        DeleteAgent(**ids),
    ]


def requests_of_the_companion(ids: dict[str, Any]) -> list[AgentRequest[Any]]:
    """Those about sessions and memories, of an agent."""
    of_session: dict[str, Any] = ids | {"session_id": new_id()}
    fact = LearnedFact(text="Mine.", message_ids=(new_id(),))
    sure: dict[str, Any] = {"based_on_version": 1, "should_update": True, "confidence": 1}
    return [
        GetPersonalityReview(**of_session, to_seq=20),
        RecordReview(**of_session, to_seq=20, suggested_personality="Mine.", **sure),
        GetSuggestion(**of_session),
        ApplySuggestion(**of_session),
        DismissSuggestion(**of_session),
        RecordMemories(**of_session, covers_from=1, covers_up_to=10, facts=(fact,)),
        ListMemories(**ids),
        ChangeMemory(**ids, memory_id=new_id(), text="Mine."),
        ForgetMemory(**ids, memory_id=new_id()),
    ]


async def test_anothers_agent_is_answered_as_an_unknown_one(
    agent: RunningAgent, user_id: UUID
) -> None:
    made = await create(agent, user_id, "Mo")
    gone = await create(agent, user_id, "Gone")
    await agent.rpc.call(DeleteAgent(user_id=user_id, agent_id=gone.agent_id))
    before = await log(agent)
    stranger = new_id()
    for who, agent_id in [(stranger, made.agent_id), (user_id, gone.agent_id), (user_id, new_id())]:
        for request in requests_about(who, agent_id):
            with pytest.raises(AgentNotFound) as refused:
                await answer(agent, request)
            assert refused.value.facts == {}
    with pytest.raises(AgentNotFound):
        await agent.rpc.call(
            CreateAgent(user_id=stranger, agent_id=made.agent_id, agent_name="Mine")
        )
    page = await agent.rpc.call(ListAgents(user_id=stranger, offset=0, limit=100))
    assert (page.count, page.results, page.next_offset) == (0, (), None)
    assert await log(agent) == before
    assert await agent.rpc.call(GetAgent(user_id=user_id, agent_id=made.agent_id)) == made


async def answer(agent: RunningAgent, request: AgentRequest[Answer]) -> Answer:
    return await agent.rpc.call(request)
