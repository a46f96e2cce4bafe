"""Agent's read models and snapshots, made again from the log while commands go on."""

import asyncio
import random
from typing import Any
from uuid import UUID

import pytest

from lingxi_agent import bootstrap
from lingxi_agent.bootstrap import READ_MODELS, TOMBSTONES
from lingxi_chassis.ids import new_id
from lingxi_chassis.postgres import execute, fetch_all
from lingxi_chassis.rebuild import rebuild_read_models, rebuild_snapshots
from lingxi_contracts.agent import (
    EVENTS,
    AgentRequest,
    ApplySuggestion,
    ChangeAgent,
    ChangeMemory,
    ChangePersonality,
    CreateAgent,
    DeleteAgent,
    DismissSuggestion,
    ForgetMemory,
    LearnedFact,
    ListAgents,
    RecordMemories,
    RecordReview,
    RollBackPersonality,
)
from lingxi_contracts.errors import (
    AgentNameTaken,
    AgentNotFound,
    MemoryNotFound,
    SuggestionNotFound,
)
from lingxi_contracts.identity import memory_id
from services.agent.tests.component.companion import create, learned, memories, review
from services.agent.tests.component.conftest import RunningAgent
from tests.fixtures.read_models import all_rows, never_logged, never_set
from tests.fixtures.waiting import eventually

REFUSED = (AgentNameTaken, AgentNotFound, MemoryNotFound, SuggestionNotFound)


async def settled(agent: RunningAgent) -> None:
    """Wait until deleted agents have forgotten all: nothing happens by itself any more."""

    async def is_settled() -> bool:
        left = "select 1 from memories m where not exists (select from agents a where %s) limit 1"
        return not await fetch_all(agent.pool, left % "a.agent_id = m.agent_id", {})

    await eventually(is_settled)


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
        except REFUSED:
            return
        self.done += 1

    async def stay(self) -> None:
        """An agent of three personalities, with memories, one in its user's words, and a suggestion
        that waits."""
        call = self._agent.rpc.call
        made = await create(self._agent, self.user_id, auto_apply_confidence=0.8)
        await call(review(made, self.user_id, new_id(), confidence=0.9))
        ids: dict[str, Any] = {"user_id": self.user_id, "agent_id": made.agent_id}
        kept = await call(RollBackPersonality(**ids, version=1))
        await call(review(kept, self.user_id, new_id()))
        await call(learned(kept, self.user_id, new_id(), "First.", "Second."))
        first, _ = await memories(self._agent, self.user_id, made.agent_id)
        await call(ChangeMemory(**ids, memory_id=first.memory_id, text="Mine."))

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
                *_companion(ids, number),
                ChangeAgent(**ids, patch={"name": name, "timings": {"daily_cap": number % 7}}),
                ChangePersonality(**ids, personality_prompt=f"text {number}"),
                ChangePersonality(**ids, personality_prompt=f"text {number}"),
                DeleteAgent(**ids),
            ]
        )


async def test_a_rebuild_gives_the_same_rows(agent: RunningAgent) -> None:
    """Guards agent's folds: whatever the batch, read models and snapshots are equal row by row."""
    owners = [Owner(agent, seed) for seed in (1, 2)]
    for _ in range(150):
        for owner in owners:
            await owner.step()
    for owner in owners:
        await owner.stay()
    await settled(agent)
    before = await all_rows(agent.pool, READ_MODELS)
    assert await never_logged(agent.pool, {*EVENTS}) == set()
    assert await never_set(agent.pool, READ_MODELS) == set()
    blank = (
        "update events set data = null where stream_id in (%s) and type not in"
        " ('agent_deleted.v1', 'memory_forgotten.v1')"
    )
    for erased in ("select null::uuid", "select stream_id from streams where state is null"):
        await execute(agent.pool, blank % erased, {})
        for batch_rows in (1, 7, 10_000):
            await rebuild_read_models(agent.settings.database_url, READ_MODELS, batch_rows)
            assert await all_rows(agent.pool, READ_MODELS) == before, f"{batch_rows} rows a batch"
    log = bootstrap.open_log(agent.pool)
    assert (await rebuild_snapshots(log, EVENTS, TOMBSTONES)).replaced == 0
    assert await all_rows(agent.pool, READ_MODELS) == before


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
    await settled(agent)
    before = await all_rows(agent.pool, READ_MODELS)
    await rebuild_read_models(agent.settings.database_url, READ_MODELS)
    assert await all_rows(agent.pool, READ_MODELS) == before
    for owner in owners:
        page = await agent.rpc.call(ListAgents(user_id=owner.user_id, offset=0, limit=100))
        names = [view.name for view in page.results]
        assert len(set(names)) == len(names)


def _session(agent_id: UUID, number: int) -> UUID:
    """One of an agent's three sessions."""
    return UUID(int=agent_id.int ^ (1 + number % 3))


def _first_memory(session_id: UUID, number: int) -> UUID:
    return memory_id(session_id, 1 + number % 5, 10 + number % 5, 0)


def _companion(ids: dict[str, Any], number: int) -> list[AgentRequest[Any]]:
    """What is concluded from an agent's sessions, and what the user makes of it."""
    session_id = _session(ids["agent_id"], number)
    of_session: dict[str, Any] = ids | {"session_id": session_id}
    known = _first_memory(_session(ids["agent_id"], number // 7), number // 3)
    review = RecordReview(
        **of_session,
        to_seq=20 * (1 + number % 40),
        based_on_version=1 + number % 3 // 2,
        should_update=True,
        suggested_personality=f"suggested {number % 20}",
        confidence=(0.5, 0.9)[number % 2],
    )
    fact = LearnedFact(
        text=f"fact {number % 30}",
        message_ids=(UUID(int=number),),
        replaces=known if number % 4 == 0 else None,
    )
    learned = RecordMemories(
        **of_session,
        covers_from=1 + number % 5,
        covers_up_to=10 + number % 5,
        facts=(fact, LearnedFact(text=f"other {number}", message_ids=(UUID(int=number),))),
    )
    return [
        review,
        review,
        learned,
        learned,
        ApplySuggestion(**of_session),
        DismissSuggestion(**of_session),
        ChangeMemory(**ids, memory_id=known, text=f"mine {number}"),
        ForgetMemory(**ids, memory_id=known),
    ]
