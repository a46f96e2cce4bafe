"""Agent's read models and snapshots, made again from the log while commands go on."""

import asyncio
import random
from typing import Any
from uuid import UUID

import pytest

from lingxi_agent import bootstrap
from lingxi_agent.projections import agents, personality_versions
from lingxi_chassis.ids import new_id
from lingxi_chassis.postgres import Row, execute, fetch_all
from lingxi_chassis.rebuild import ReadModels, rebuild_read_models, rebuild_snapshots
from lingxi_contracts.agent import (
    EVENTS,
    AgentDeleted,
    AgentRequest,
    ChangeAgent,
    ChangePersonality,
    CreateAgent,
    DeleteAgent,
    ListAgents,
)
from lingxi_contracts.errors import AgentNameTaken, AgentNotFound
from services.agent.tests.component.conftest import RunningAgent
from tests.fixtures.waiting import eventually

READ_MODELS = ReadModels(
    create=(*agents.CREATE, *personality_versions.CREATE), projections=bootstrap.PROJECTIONS
)
TOMBSTONES = frozenset({AgentDeleted.tag})
SHOWN = (
    "select * from agents order by agent_id",
    "select * from personality_versions order by agent_id, version",
    "select stream_id, user_id, version, xid::text, state from streams order by stream_id",
)


async def shown(agent: RunningAgent) -> list[list[Row]]:
    return [await fetch_all(agent.pool, select, {}) for select in SHOWN]


class Owner:
    """A user with few names for many agents, so that names change hands."""

    def __init__(self, agent: RunningAgent, seed: int) -> None:
        self._agent = agent
        self._chance = random.Random(seed)
        self.user_id = new_id()
        self._agents: list[UUID] = []
        self.done = 0

    async def live(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            await self.step()

    async def step(self) -> None:
        """One command; some are refused, and that is part of life."""
        try:
            await self._agent.rpc.call(self._command())
        except (AgentNameTaken, AgentNotFound):
            return
        self.done += 1

    def _command(self) -> AgentRequest[Any]:
        name = self._chance.choice(["Mo", "Lu", "Ha", "你好"])
        if not self._agents or self._chance.random() < 0.2:
            self._agents.append(new_id())
            agent_id = self._agents[-1]
            return CreateAgent(user_id=self.user_id, agent_id=agent_id, agent_name=name)
        ids: dict[str, Any] = {
            "user_id": self.user_id,
            "agent_id": self._chance.choice(self._agents),
        }
        number = self._chance.randrange(1_000)
        return self._chance.choice(
            [
                ChangeAgent(**ids, patch={"name": name, "timings": {"daily_cap": number % 7}}),
                ChangePersonality(**ids, personality_prompt=f"text {number}"),
                ChangePersonality(**ids, personality_prompt=f"text {number}"),
                DeleteAgent(**ids),
            ]
        )


async def test_a_rebuild_gives_the_same_rows(agent: RunningAgent) -> None:
    """Guards agent's folds: whatever the batch, read models and snapshots are equal row by row."""
    owners = [Owner(agent, seed) for seed in (1, 2)]
    for _ in range(60):
        for owner in owners:
            await owner.step()
    before = await shown(agent)
    assert all(len(rows) > 1 for rows in before)
    blank = "update events set data = null where type <> 'agent_deleted.v1' and stream_id in ("
    for erased in ("select null::uuid", "select stream_id from streams where state is null"):
        await execute(agent.pool, f"{blank}{erased})", {})
        for batch_rows in (1, 7, 10_000):
            await rebuild_read_models(agent.settings.database_url, READ_MODELS, batch_rows)
            assert await shown(agent) == before, f"{batch_rows} rows a batch"
    log = bootstrap.open_log(agent.pool)
    assert (await rebuild_snapshots(log, EVENTS, TOMBSTONES)).replaced == 0
    assert await shown(agent) == before


@pytest.mark.parametrize("seed", [10, 20])
async def test_commands_go_on_during_rebuilds(agent: RunningAgent, seed: int) -> None:
    """Guards the swap under the running service: nothing is missed, names stay unique, and its
    prepared statements find the new tables."""
    owners = [Owner(agent, seed + number) for number in range(3)]
    stop = asyncio.Event()
    living = [asyncio.create_task(owner.live(stop)) for owner in owners]
    await eventually(lambda: sum(owner.done for owner in owners) > 60)
    for batch_rows in (10, 2_000):
        done = sum(owner.done for owner in owners)
        await rebuild_read_models(agent.settings.database_url, READ_MODELS, batch_rows)
        await eventually(lambda done=done: sum(owner.done for owner in owners) > done + 10)
    stop.set()
    await asyncio.gather(*living)
    before = await shown(agent)
    await rebuild_read_models(agent.settings.database_url, READ_MODELS)
    assert await shown(agent) == before
    for owner in owners:
        page = await agent.rpc.call(ListAgents(user_id=owner.user_id, offset=0, limit=100))
        names = [view.name for view in page.results]
        assert len(set(names)) == len(names)
