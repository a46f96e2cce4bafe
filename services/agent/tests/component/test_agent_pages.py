"""Pages of agents and of the ledger: complete, in order, and bounded in bytes."""

from uuid import UUID

import pytest

from lingxi_chassis.ids import new_id
from lingxi_contracts.agent import (
    PARAMETERS_BYTES_MAX,
    PERSONALITY_CHARS_MAX,
    AgentParameters,
    AgentView,
    ChangePersonality,
    CreateAgent,
    GetPersonalityHistory,
    ListAgents,
    PersonalityVersion,
    RollBackPersonality,
)
from lingxi_contracts.errors import PersonalityVersionNotFound
from services.agent.tests.component.conftest import RunningAgent

PAGES_MAX = 100
WIDEST = "\x01" * PERSONALITY_CHARS_MAX
"""Six bytes a character as JSON: no text is larger."""


async def ledger(
    agent: RunningAgent, user_id: UUID, agent_id: UUID
) -> tuple[list[PersonalityVersion], int]:
    """All versions, newest first, and how many pages they took."""
    found: list[PersonalityVersion] = []
    before: int | None = None
    for pages in range(1, PAGES_MAX):
        question = GetPersonalityHistory(user_id=user_id, agent_id=agent_id, before=before)
        page = await agent.rpc.call(question)
        found += page.results
        before = page.next_before
        if before is None:
            return found, pages
    raise AssertionError("the pages do not end")


async def agents(
    agent: RunningAgent, user_id: UUID, limit: int = 100
) -> tuple[list[AgentView], int]:
    """All agents, oldest first, and how many pages they took."""
    found: list[AgentView] = []
    offset: int | None = 0
    for pages in range(1, PAGES_MAX):
        page = await agent.rpc.call(ListAgents(user_id=user_id, offset=offset, limit=limit))
        found += page.results
        offset = page.next_offset
        if offset is None:
            assert page.count == len(found)
            return found, pages
    raise AssertionError("the pages do not end")


async def make(
    agent: RunningAgent, user_id: UUID, name: str, prompt: str = "", **extra: str
) -> AgentView:
    command = CreateAgent(
        user_id=user_id,
        agent_id=new_id(),
        agent_name=name,
        personality_prompt=prompt,
        parameters=AgentParameters.model_validate(extra),
    )
    return await agent.rpc.call(command)


async def test_a_history_of_300_versions_is_whole_and_in_order(
    agent: RunningAgent, user_id: UUID
) -> None:
    made = await make(agent, user_id, "Mo", "text 1")
    for number in range(2, 300):
        text = f"text {number}"
        await agent.rpc.call(
            ChangePersonality(user_id=user_id, agent_id=made.agent_id, personality_prompt=text)
        )
    rollback = RollBackPersonality(user_id=user_id, agent_id=made.agent_id, version=150)
    rolled_back = await agent.rpc.call(rollback)
    assert (rolled_back.personality_version, rolled_back.personality_prompt) == (300, "text 150")
    assert await agent.rpc.call(rollback) == rolled_back
    found, pages = await ledger(agent, user_id, made.agent_id)
    assert pages == 3
    assert [entry.version for entry in found] == list(range(300, 0, -1))
    newest, *rest, oldest = found
    assert (newest.source, newest.restored_from) == ("rollback", 150)
    assert newest.personality_prompt == "text 150"
    assert (oldest.source, oldest.created_at) == ("created", made.created_at)
    assert {entry.source for entry in rest} == {"manual"}
    assert [entry.personality_prompt for entry in rest] == [f"text {n}" for n in range(299, 1, -1)]
    with pytest.raises(PersonalityVersionNotFound):
        await agent.rpc.call(rollback.model_copy(update={"version": 301}))


async def test_before_the_first_version_there_is_nothing(
    agent: RunningAgent, user_id: UUID
) -> None:
    made = await make(agent, user_id, "Mo")
    question = GetPersonalityHistory(user_id=user_id, agent_id=made.agent_id, before=1)
    page = await agent.rpc.call(question)
    assert (page.results, page.next_before) == ((), None)


async def test_a_history_of_the_largest_texts_is_whole(agent: RunningAgent, user_id: UUID) -> None:
    made = await make(agent, user_id, "Mo", WIDEST)
    for number in range(2, 13):
        text = WIDEST[:-2] + f"{number:02}"
        await agent.rpc.call(
            ChangePersonality(user_id=user_id, agent_id=made.agent_id, personality_prompt=text)
        )
    found, pages = await ledger(agent, user_id, made.agent_id)
    assert [entry.version for entry in found] == list(range(12, 0, -1))
    assert [entry.personality_prompt[-2:] for entry in found[:-1]] == [
        f"{number:02}" for number in range(12, 1, -1)
    ]
    assert pages > 1


async def test_a_list_of_the_largest_agents_is_whole(agent: RunningAgent, user_id: UUID) -> None:
    large = "a" * (PARAMETERS_BYTES_MAX - 200)
    made = [await make(agent, user_id, f"{n}", WIDEST, large=large) for n in range(7)]
    found, pages = await agents(agent, user_id)
    assert found == made
    assert pages > 1


async def test_a_list_of_many_agents_is_whole_and_oldest_first(
    agent: RunningAgent, user_id: UUID
) -> None:
    made = [await make(agent, user_id, f"{n}") for n in range(25)]
    found, pages = await agents(agent, user_id, limit=10)
    assert found == made
    assert pages == 3
    beyond = await agent.rpc.call(ListAgents(user_id=user_id, offset=25, limit=10))
    assert (beyond.count, beyond.results, beyond.next_offset) == (25, (), None)
