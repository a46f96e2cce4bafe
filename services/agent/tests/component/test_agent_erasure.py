"""A user is gone: their agents too, and none is made any more. And the walk."""

from uuid import UUID

import pytest

from lingxi_agent import bootstrap
from lingxi_agent.application.erase_user import erase_user
from lingxi_chassis.clock import utc_now
from lingxi_chassis.ids import new_id
from lingxi_chassis.postgres import fetch_all
from lingxi_contracts.agent import (
    AgentPlace,
    AgentView,
    ChangePersonality,
    CreateAgent,
    DeleteAgent,
    GetProfile,
    WalkAgents,
)
from lingxi_contracts.errors import AgentNotFound
from services.agent.tests.component.conftest import RunningAgent
from tests.fixtures.waiting import eventually

PAGES_MAX = 50


async def make(agent: RunningAgent, user_id: UUID, name: str) -> AgentView:
    command = CreateAgent(user_id=user_id, agent_id=new_id(), agent_name=name)
    return await agent.rpc.call(command)


async def erase(agent: RunningAgent, user_id: UUID) -> None:
    await erase_user(bootstrap.open_log(agent.pool), user_id, utc_now())


async def test_all_agents_go_and_none_is_made(agent: RunningAgent, user_id: UUID) -> None:
    made = [await make(agent, user_id, f"agent {number}") for number in range(3)]
    others = await make(agent, new_id(), "another's")
    await erase(agent, user_id)
    await erase(agent, user_id)
    assert (await agent.rpc.call(WalkAgents(user_id=user_id))).results == ()
    for late in (
        CreateAgent(user_id=user_id, agent_id=new_id(), agent_name="late"),
        CreateAgent(user_id=user_id, agent_id=made[0].agent_id, agent_name="again"),
        GetProfile(user_id=user_id, agent_id=None),
        GetProfile(user_id=user_id, agent_id=made[0].agent_id),
        ChangePersonality(user_id=user_id, agent_id=made[0].agent_id, personality_prompt="x"),
        DeleteAgent(user_id=user_id, agent_id=made[0].agent_id),
    ):
        with pytest.raises(AgentNotFound):
            await agent.rpc.call(late)
    rows = await fetch_all(agent.pool, "select agent_id from agents", {})
    assert rows == [(others.agent_id,)]


async def test_the_job_runs_with_the_service(agent: RunningAgent, user_id: UUID) -> None:
    made = await make(agent, user_id, "gone soon")
    await agent.rpc.call(DeleteAgent(user_id=user_id, agent_id=made.agent_id))

    async def blank() -> bool:
        left = await fetch_all(
            agent.pool,
            "select type from events where data is not null union all select 'open' from erasures",
            {},
        )
        return left == [("agent_deleted.v1",)]

    await eventually(blank)


async def test_a_walk_misses_none_and_tells_none_twice(agent: RunningAgent, user_id: UUID) -> None:
    """Guards keyset pages: by offset, a deletion behind us would hide an agent before us."""
    made = [await make(agent, user_id, f"agent {number}") for number in range(7)]
    found: list[AgentView] = []
    after: AgentPlace | None = None
    for page in range(PAGES_MAX):
        walked = await agent.rpc.call(WalkAgents(user_id=user_id, after=after, limit=2))
        found += walked.results
        after = walked.next_after
        if after is None:
            break
        gone = made[2 * page].agent_id
        await agent.rpc.call(DeleteAgent(user_id=user_id, agent_id=gone))
        if page == 0:
            made.append(await make(agent, user_id, "made meanwhile"))
    assert after is None
    assert found == made
