"""The profile a turn asks for, and the default agent that is made at its first need."""

import asyncio
from uuid import UUID

import pytest

from lingxi_chassis.ids import new_id
from lingxi_chassis.postgres import fetch_all
from lingxi_contracts.agent import (
    PROFILE_MEMORIES_CHARS_MAX,
    AgentParameters,
    AgentProfile,
    ChangeAgent,
    ChangePersonality,
    CreateAgent,
    DeleteAgent,
    GetProfile,
    ListAgents,
)
from lingxi_contracts.errors import AgentNotFound
from services.agent.tests.component.companion import create, learned
from services.agent.tests.component.conftest import RunningAgent


async def profile(agent: RunningAgent, user_id: UUID, agent_id: UUID | None = None) -> AgentProfile:
    return await agent.rpc.call(GetProfile(user_id=user_id, agent_id=agent_id))


async def test_six_concurrent_first_needs_make_one_default_agent(
    agent: RunningAgent, user_id: UUID
) -> None:
    profiles = await asyncio.gather(*(profile(agent, user_id) for _ in range(6)))
    assert len({found.agent_id for found in profiles}) == 1
    assert profiles[0] == AgentProfile(
        agent_id=profiles[0].agent_id,
        name="default",
        personality_prompt="",
        personality_version=1,
        parameters=AgentParameters(),
        memories_complete=True,
    )
    page = await agent.rpc.call(ListAgents(user_id=user_id, offset=0, limit=100))
    assert [found.agent_id for found in page.results] == [profiles[0].agent_id]
    events = await fetch_all(agent.pool, "select type from events order by position", {})
    assert events == [("agent_created.v1",), ("personality_changed.v1",)]


async def test_an_agent_the_user_named_default_is_the_default_one(
    agent: RunningAgent, user_id: UUID
) -> None:
    own = UUID(int=7)
    command = CreateAgent(
        user_id=user_id, agent_id=own, agent_name="default", personality_prompt="Kind."
    )
    await agent.rpc.call(command)
    found = await profile(agent, user_id)
    assert (found.agent_id, found.personality_prompt) == (own, "Kind.")


async def test_the_very_next_profile_has_the_new_personality(
    agent: RunningAgent, user_id: UUID
) -> None:
    first = await profile(agent, user_id)
    for number in range(2, 12):
        change = ChangePersonality(
            user_id=user_id, agent_id=first.agent_id, personality_prompt=f"{number}"
        )
        await agent.rpc.call(change)
        now = await profile(agent, user_id, first.agent_id)
        assert (now.personality_version, now.personality_prompt) == (number, f"{number}")


@pytest.mark.parametrize("go", ["renamed", "deleted"])
async def test_a_default_agent_that_is_gone_is_made_again(
    agent: RunningAgent, user_id: UUID, go: str
) -> None:
    first = await profile(agent, user_id)
    if go == "renamed":
        patch = {"name": "Mo"}
        await agent.rpc.call(ChangeAgent(user_id=user_id, agent_id=first.agent_id, patch=patch))
    else:
        await agent.rpc.call(DeleteAgent(user_id=user_id, agent_id=first.agent_id))
        with pytest.raises(AgentNotFound):
            await profile(agent, user_id, first.agent_id)
    second = await profile(agent, user_id)
    assert second.agent_id != first.agent_id
    assert second.name == "default"


async def test_the_memories_that_fit_come_with_it_best_first(
    agent: RunningAgent, user_id: UUID
) -> None:
    """All of them where there is room, else those that share the rarest words."""
    made, session_id = await create(agent, user_id), new_id()

    async def about(text: str, *, complete: bool = True) -> tuple[str, ...]:
        question = GetProfile(user_id=user_id, agent_id=made.agent_id, about=text)
        found = await agent.rpc.call(question)
        assert found.memories_complete == complete
        return found.memories

    assert await about("a dog") == ()
    await agent.rpc.call(learned(made, user_id, session_id, "Likes tea.", "住在浦东。"))
    await agent.rpc.call(learned(made, user_id, session_id, "Has a dog.", covers_from=11))
    assert (await about(""))[0] == "Has a dog.", "the newest"
    assert (await about("今天浦东下雨"))[0] == "住在浦东。"
    assert len(await about("tea?")) == 3
    long = [f"Has a friend called {n} {'x' * 400}" for n in range(12)]
    await agent.rpc.call(learned(made, user_id, session_id, *long, covers_from=21))
    for text, first in (("Some TEA", "Likes tea."), ("浦东", "住在浦东。")):
        found = await about(text, complete=False)
        assert found[0] == first
        assert 9 < len(found) < 15
        assert sum(map(len, found)) <= PROFILE_MEMORIES_CHARS_MAX
