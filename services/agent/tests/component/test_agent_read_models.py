"""The log is the truth: snapshots and read models are what a fold of the log gives."""

import random
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from pydantic import TypeAdapter

from lingxi_agent import bootstrap
from lingxi_agent.domain.agent import Agent, AgentEvent, evolve
from lingxi_agent.projections import agents
from lingxi_chassis.ids import new_id
from lingxi_chassis.postgres import Row, execute, fetch_all
from lingxi_contracts.agent import (
    EVENTS,
    AgentRequest,
    ChangeAgent,
    ChangePersonality,
    CreateAgent,
    DeleteAgent,
    RollBackPersonality,
)
from lingxi_contracts.errors import AgentNameTaken, AgentNotFound, PersonalityVersionNotFound
from services.agent.tests.component.conftest import RunningAgent

COMMANDS = 150
SHOWN = (
    "select * from agents order by agent_id",
    "select * from personality_versions order by agent_id, version",
)
STATE: TypeAdapter[Agent] = TypeAdapter(Agent)
EVENT: TypeAdapter[dict[str, Any]] = TypeAdapter(dict[str, Any])


def some_commands(seed: int) -> Iterator[AgentRequest[Any]]:
    """Commands of two users who have few names, so that names go from agent to agent."""
    chance = random.Random(seed)
    owned: list[tuple[UUID, UUID]] = []
    users = [new_id(), new_id()]
    for number in range(COMMANDS):
        name = chance.choice(["Mo", "Lu", "Ha", "你好"])
        if not owned or chance.random() < 0.2:
            user_id = chance.choice(users)
            owned.append((user_id, new_id()))
            yield CreateAgent(user_id=user_id, agent_id=owned[-1][1], agent_name=name)
            continue
        user_id, agent_id = chance.choice(owned)
        ids: dict[str, Any] = {"user_id": user_id, "agent_id": agent_id}
        timings = chance.choice([None, {"daily_cap": number % 7}])
        document = {"name": name, "parameters": {f"x{number % 3}": number}, "timings": timings}
        yield chance.choice(
            [
                ChangeAgent(**ids, patch=document),
                ChangeAgent(**ids, patch=document, replace=True),
                ChangePersonality(**ids, personality_prompt=f"text {number % 10}"),
                RollBackPersonality(**ids, version=chance.randint(1, 4)),
                DeleteAgent(**ids),
            ]
        )


async def live_through(agent: RunningAgent, seed: int) -> None:
    """Carry out commands; some are refused, and that is part of life."""
    for command in some_commands(seed):
        try:
            await agent.rpc.call(command)
        except (AgentNameTaken, AgentNotFound, PersonalityVersionNotFound):
            continue


async def shown(agent: RunningAgent) -> list[list[Row]]:
    return [await fetch_all(agent.pool, select, {}) for select in SHOWN]


async def rebuild(agent: RunningAgent, batch_rows: int) -> None:
    """Empty the read models and fold the log again, some rows a statement."""
    rename_freely = f"alter table agents drop constraint {agents.NAME_CONSTRAINT}"
    await execute(agent.pool, rename_freely, {})
    await execute(agent.pool, "truncate agents, personality_versions", {})
    positions = await fetch_all(agent.pool, "select position from events order by position", {})
    for start in range(0, len(positions), batch_rows):
        batch = [row[0] for row in positions[start : start + batch_rows]]
        for fold in bootstrap.PROJECTIONS:
            logged = (
                "select position, event_id, stream_id, version, type, user_id, occurred_at, data"
                " from events where position = any(%(batch)s)"
            )
            statement = f"with logged as ({logged}), {fold.name} as ({fold.sql}) select 1"
            await execute(agent.pool, statement, {"batch": batch})
    unique = f"alter table agents add constraint {agents.NAME_CONSTRAINT} unique (user_id, name)"
    await execute(agent.pool, unique, {})


@pytest.mark.parametrize("seed", [1, 2])
async def test_read_models_are_equal_after_a_rebuild(agent: RunningAgent, seed: int) -> None:
    await live_through(agent, seed)
    before = await shown(agent)
    assert all(len(rows) > 1 for rows in before)
    for batch_rows in (1, 7, 10_000):
        await rebuild(agent, batch_rows)
        assert await shown(agent) == before, f"{batch_rows} rows a batch"
    # What was erased is blank in the log, here or by the job, and absent from what is shown.
    await execute(
        agent.pool,
        "update events set data = null, metadata = null where stream_id = any(array("
        " select stream_id from streams where state is null))",
        {},
    )
    blank = await fetch_all(agent.pool, "select 1 from events where data is null", {})
    assert len(blank) > 0
    for batch_rows in (7, 10_000):
        await rebuild(agent, batch_rows)
        assert await shown(agent) == before, f"{batch_rows} rows a batch, some erased"


async def test_snapshots_are_the_fold_of_the_log(agent: RunningAgent) -> None:
    await live_through(agent, 3)
    states: dict[UUID, Agent | None] = {}
    versions: dict[UUID, int] = {}
    log = await fetch_all(
        agent.pool,
        "select stream_id, version, type, occurred_at, data::text from events"
        " order by xid, position",
        {},
    )
    for stream_id, version, tag, at, data in log:
        assert version == versions.get(stream_id, 0) + 1
        versions[stream_id] = version
        if data is not None:  # else erased
            event: AgentEvent = EVENTS[tag].model_validate_json(data)  # pyright: ignore[reportAssignmentType]
            states[stream_id] = evolve(states.get(stream_id), event, at)
    rows = await fetch_all(agent.pool, "select stream_id, version, state::text from streams", {})
    assert {row[0]: row[1] for row in rows} == versions
    stored = {row[0]: row[2] and STATE.validate_json(row[2]) for row in rows}
    assert stored == states
    assert None in states.values()
