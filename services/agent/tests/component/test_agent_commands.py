"""Commands and questions about agents, as callers see them."""

import asyncio
from typing import Any
from uuid import UUID

import pytest

from lingxi_chassis.ids import new_id
from lingxi_chassis.postgres import fetch_one
from lingxi_contracts.agent import (
    AgentParameters,
    AgentTimings,
    AgentView,
    ChangeAgent,
    CreateAgent,
    DeleteAgent,
    GetAgent,
    ListAgents,
)
from lingxi_contracts.errors import AgentNameTaken, AgentNotFound, InvalidInput
from services.agent.tests.component.conftest import RunningAgent


async def create(agent: RunningAgent, user_id: UUID, name: str = "Mo") -> AgentView:
    command = CreateAgent(
        user_id=user_id,
        agent_id=new_id(),
        agent_name=name,
        parameters=AgentParameters.model_validate(
            {"model": "gpt", "mood": {"is": "你好 \U0001f600"}}
        ),
        personality_prompt="Kind.",
        timings=AgentTimings(daily_cap=2),
    )
    return await agent.rpc.call(command)


async def events(agent: RunningAgent) -> int:
    row = await fetch_one(agent.pool, "select count(*) from events", {})
    assert row is not None
    return row[0]


async def test_a_new_agent_is_found_as_it_was_answered(agent: RunningAgent, user_id: UUID) -> None:
    made = await create(agent, user_id)
    assert made.parameters.model_dump()["mood"] == {"is": "你好 \U0001f600"}
    assert made.created_at == made.updated_at
    assert await agent.rpc.call(GetAgent(user_id=user_id, agent_id=made.agent_id)) == made
    page = await agent.rpc.call(ListAgents(user_id=user_id, offset=0, limit=1))
    assert (page.count, page.results, page.next_offset) == (1, (made,), None)


async def test_a_repeat_of_a_creation_answers_with_what_became_of_it(
    agent: RunningAgent, user_id: UUID
) -> None:
    command = CreateAgent(user_id=user_id, agent_id=new_id(), agent_name="Mo")
    first, *repeats = await asyncio.gather(*(agent.rpc.call(command) for _ in range(4)))
    assert all(repeat == first for repeat in repeats)
    change = ChangeAgent(user_id=user_id, agent_id=command.agent_id, patch={"name": "Lu"})
    renamed = await agent.rpc.call(change)
    assert await agent.rpc.call(command) == renamed
    assert await events(agent) == 3


async def test_a_deleted_agent_is_not_made_again_by_a_repeat(
    agent: RunningAgent, user_id: UUID
) -> None:
    command = CreateAgent(user_id=user_id, agent_id=new_id(), agent_name="Mo")
    await agent.rpc.call(command)
    await agent.rpc.call(DeleteAgent(user_id=user_id, agent_id=command.agent_id))
    with pytest.raises(AgentNotFound):
        await agent.rpc.call(command)
    with pytest.raises(AgentNotFound):
        await agent.rpc.call(DeleteAgent(user_id=user_id, agent_id=command.agent_id))


async def test_a_name_is_given_once_a_user_however_many_ask(
    agent: RunningAgent, user_id: UUID
) -> None:
    answers = await asyncio.gather(
        *(create(agent, user_id) for _ in range(6)), return_exceptions=True
    )
    made = [answer for answer in answers if isinstance(answer, AgentView)]
    assert len(made) == 1
    assert sum(isinstance(answer, AgentNameTaken) for answer in answers) == 5
    assert await events(agent) == 2
    other = await create(agent, user_id, "Lu")
    change = ChangeAgent(user_id=user_id, agent_id=other.agent_id, patch={"name": "Mo"})
    with pytest.raises(AgentNameTaken):
        await agent.rpc.call(change)
    assert (await create(agent, new_id())).name == "Mo"
    await agent.rpc.call(DeleteAgent(user_id=user_id, agent_id=made[0].agent_id))
    assert (await create(agent, user_id)).name == "Mo"


async def test_a_change_is_answered_and_found(agent: RunningAgent, user_id: UUID) -> None:
    made = await create(agent, user_id)
    patch = {
        "name": "Lu",
        "parameters": {"mood": None, "personality_prompt": "Blunt."},
        "timings": None,
    }
    command = ChangeAgent(user_id=user_id, agent_id=made.agent_id, patch=patch)
    changed = await agent.rpc.call(command)
    assert changed == AgentView(
        agent_id=made.agent_id,
        name="Lu",
        parameters=AgentParameters(model="gpt"),
        timings=None,
        personality_prompt="Blunt.",
        personality_version=2,
        created_at=made.created_at,
        updated_at=changed.updated_at,
    )
    assert changed.updated_at > made.updated_at
    assert await agent.rpc.call(GetAgent(user_id=user_id, agent_id=made.agent_id)) == changed
    before = await events(agent)
    assert await agent.rpc.call(command) == changed
    assert await events(agent) == before


async def test_numbers_come_back_as_the_same_numbers(agent: RunningAgent, user_id: UUID) -> None:
    made = await create(agent, user_id)
    numbers = [
        0,
        -1,
        -0.0,
        1.0,
        0.1,
        -2.5e-30,
        1e16,
        1.2345678901234568e39,
        10**40 - 1,
        True,
        False,
    ]
    command = ChangeAgent(
        user_id=user_id, agent_id=made.agent_id, patch={"parameters": {"numbers": numbers}}
    )
    changed = await agent.rpc.call(command)
    kept = changed.parameters.model_dump()["numbers"]
    assert [float(number) for number in kept] == [float(number) for number in numbers]
    assert [kind for kind in map(type, kept) if kind is bool] == [bool, bool]
    found = await agent.rpc.call(GetAgent(user_id=user_id, agent_id=made.agent_id))
    assert found.model_dump_json() == changed.model_dump_json()
    before = await events(agent)
    assert await agent.rpc.call(command) == changed
    assert await events(agent) == before


async def test_changes_at_once_are_all_made(agent: RunningAgent, user_id: UUID) -> None:
    made = await create(agent, user_id)

    async def change(key: str) -> None:
        patch = {"parameters": {key: 1}}
        await agent.rpc.call(ChangeAgent(user_id=user_id, agent_id=made.agent_id, patch=patch))

    keys = {"a", "b", "c"}
    await asyncio.gather(*map(change, keys))
    now = await agent.rpc.call(GetAgent(user_id=user_id, agent_id=made.agent_id))
    assert keys <= set(now.parameters.model_dump())


@pytest.mark.parametrize(
    ("patch", "loc"),
    [
        ({"parameters": {"temperature": 3}}, ["body", "parameters", "temperature"]),
        ({"parameters": {"x": ["\x00"]}}, ["body", "parameters", "x", 0]),
        ({"parameters": {"x": 1e300}}, ["body", "parameters", "x"]),
        ({"parameters": {"x": "a" * 40_000}}, ["body", "parameters"]),
        ({"name": None}, ["body", "name"]),
    ],
)
async def test_an_unfit_change_is_refused_and_leaves_no_trace(
    agent: RunningAgent, user_id: UUID, patch: dict[str, Any], loc: list[Any]
) -> None:
    made = await create(agent, user_id)
    with pytest.raises(InvalidInput) as refused:
        await agent.rpc.call(ChangeAgent(user_id=user_id, agent_id=made.agent_id, patch=patch))
    assert [error["loc"] for error in refused.value.facts["errors"]] == [loc]
    assert await agent.rpc.call(GetAgent(user_id=user_id, agent_id=made.agent_id)) == made


async def test_an_unfit_creation_is_refused(agent: RunningAgent, user_id: UUID) -> None:
    unfit = AgentParameters.model_validate({"x": "\x00"})
    with pytest.raises(InvalidInput):
        await agent.rpc.call(
            CreateAgent(user_id=user_id, agent_id=new_id(), agent_name="Mo", parameters=unfit)
        )
    assert await events(agent) == 0
