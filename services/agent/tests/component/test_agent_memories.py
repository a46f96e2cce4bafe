"""What an agent remembers: recorded once, changed by its user, forgotten for good."""

import asyncio
from uuid import UUID

import pytest

from lingxi_chassis.ids import new_id
from lingxi_chassis.postgres import fetch_all
from lingxi_contracts.agent import (
    LEARNED_MAX,
    MEMORIES_MAX,
    ChangeMemory,
    DeleteAgent,
    ForgetMemory,
    GetProfile,
)
from lingxi_contracts.errors import AgentNotFound, MemoryNotFound, SessionNotFound
from services.agent.tests.component.companion import create, forgets, learned, memories
from services.agent.tests.component.conftest import RunningAgent
from tests.fixtures.waiting import eventually


@pytest.fixture
def session_id() -> UUID:
    return new_id()


async def test_what_is_learned_is_recorded_once(
    agent: RunningAgent, user_id: UUID, session_id: UUID
) -> None:
    made = await create(agent, user_id)
    command = learned(made, user_id, session_id, "Has a cat.", "Lives in 上海.")
    await asyncio.gather(*(agent.rpc.call(command) for _ in range(4)))
    otherwise = ("Something else from the same messages.", "And more.", "A third thing.")
    await agent.rpc.call(learned(made, user_id, session_id, *otherwise))
    more = learned(made, user_id, session_id, "has a  cat", "Plays go.", covers_from=11)
    await agent.rpc.call(more)
    found = await memories(agent, user_id, made.agent_id)
    assert sorted(one.text for one in found) == ["Has a cat.", "Lives in 上海.", "Plays go."]
    cat = next(one for one in found if one.text == "Has a cat.")
    assert [one.message_id for one in cat.evidence] == list(command.facts[0].message_ids)
    assert {one.session_id for one in cat.evidence} == {session_id}


async def test_what_two_ranges_say_at_once_is_known_once(
    agent: RunningAgent, user_id: UUID
) -> None:
    """Guards `one_by_one`: two replicas that asked the model about ranges that overlap."""
    made = await create(agent, user_id)
    facts = ("Has a cat.", "Plays go.", "Lives in 上海.")
    ranges = [learned(made, user_id, new_id(), *facts, covers_from=1 + at) for at in range(6)]
    await asyncio.gather(*map(agent.rpc.call, ranges))
    found = await memories(agent, user_id, made.agent_id)
    assert sorted(one.text for one in found) == sorted(facts)


async def test_what_was_learned_replaces_what_was_learned_but_not_what_the_user_wrote(
    agent: RunningAgent, user_id: UUID, session_id: UUID
) -> None:
    made = await create(agent, user_id)
    await agent.rpc.call(learned(made, user_id, session_id, "Has a cat."))
    (cat,) = await memories(agent, user_id, made.agent_id)
    named = learned(
        made, user_id, session_id, "Has a cat called Mo.", covers_from=11, replaces=cat.memory_id
    )
    await agent.rpc.call(named)
    (cat,) = await memories(agent, user_id, made.agent_id)
    assert (cat.text, len(cat.evidence), cat.by_user) == ("Has a cat called Mo.", 2, False)
    ids = {"user_id": user_id, "agent_id": made.agent_id, "memory_id": cat.memory_id}
    changed = await agent.rpc.call(ChangeMemory(**ids, text="Has a dog."))
    assert await agent.rpc.call(ChangeMemory(**ids, text="Has a dog.")) == changed
    assert await memories(agent, user_id, made.agent_id) == [changed]
    assert (changed.text, changed.by_user, changed.created_at) == (
        "Has a dog.",
        True,
        cat.created_at,
    )
    late = learned(
        made, user_id, session_id, "Has two cats.", covers_from=21, replaces=cat.memory_id
    )
    await agent.rpc.call(late)
    assert await memories(agent, user_id, made.agent_id) == [changed]


async def test_the_oldest_that_the_user_did_not_write_give_way(
    agent: RunningAgent, user_id: UUID, session_id: UUID
) -> None:
    made = await create(agent, user_id)
    first = 0
    for number in range(MEMORIES_MAX // LEARNED_MAX + 1):
        texts = [f"Fact {number} {n} {'长' * 450}" for n in range(LEARNED_MAX)]
        command = learned(made, user_id, session_id, *texts, covers_from=1 + 10 * number)
        await agent.rpc.call(command)
        if number == 0:
            first = (await memories(agent, user_id, made.agent_id))[0].memory_id
            ids = {"user_id": user_id, "agent_id": made.agent_id, "memory_id": first}
            await agent.rpc.call(ChangeMemory(**ids, text="Mine."))
    found = await memories(agent, user_id, made.agent_id)
    assert len(found) == MEMORIES_MAX
    assert found[0].memory_id == first
    assert not any(one.text.startswith("Fact 0") for one in found[LEARNED_MAX:])
    assert [one.created_at for one in found] == sorted(one.created_at for one in found)


async def test_a_forgotten_memory_is_erased_and_never_learned_again_by_a_repeat(
    agent: RunningAgent, user_id: UUID, session_id: UUID
) -> None:
    made = await create(agent, user_id)
    command = learned(made, user_id, session_id, "A secret.")
    await agent.rpc.call(command)
    (secret,) = await memories(agent, user_id, made.agent_id)
    ids = {"user_id": user_id, "agent_id": made.agent_id, "memory_id": secret.memory_id}
    await agent.rpc.call(ChangeMemory(**ids, text="Another secret."))
    await agent.rpc.call(ForgetMemory(**ids))
    for late in (ForgetMemory(**ids), ChangeMemory(**ids, text="x")):
        with pytest.raises(MemoryNotFound):
            await agent.rpc.call(late)
    await agent.rpc.call(command)
    assert await memories(agent, user_id, made.agent_id) == []
    assert (
        await agent.rpc.call(GetProfile(user_id=user_id, agent_id=made.agent_id))
    ).memories == ()
    await blank(agent, ["agent_created.v1", "personality_changed.v1", "memory_forgotten.v1"])


async def blank(agent: RunningAgent, left: list[str]) -> None:
    """Wait until nothing else in the log has content, and the erasure is complete."""

    async def is_blank() -> bool:
        rows = await fetch_all(
            agent.pool,
            "select type from events where data is not null union all select 'open' from erasures",
            {},
        )
        return sorted(row[0] for row in rows) == sorted(left)

    await eventually(is_blank)


async def test_with_the_last_session_that_says_so_a_memory_is_forgotten(
    agent: RunningAgent, user_id: UUID, session_id: UUID
) -> None:
    made = await create(agent, user_id)
    other = new_id()
    await agent.rpc.call(learned(made, user_id, session_id, "Alone.", "Both.", "By hand."))
    by_text = {one.text: one for one in await memories(agent, user_id, made.agent_id)}
    both = learned(made, user_id, other, "Both, more exactly.", replaces=by_text["Both."].memory_id)
    await agent.rpc.call(both)
    await agent.rpc.call(
        ChangeMemory(
            user_id=user_id,
            agent_id=made.agent_id,
            memory_id=by_text["By hand."].memory_id,
            text="My words.",
        )
    )
    for _ in range(2):
        await forgets(agent, user_id, session_id)
    left = {one.text: one for one in await memories(agent, user_id, made.agent_id)}
    assert set(left) == {"Both, more exactly.", "My words."}
    assert {one.session_id for one in left["Both, more exactly."].evidence} == {other}
    assert left["My words."].evidence == ()
    assert left["My words."].by_user
    with pytest.raises(SessionNotFound):
        await agent.rpc.call(learned(made, user_id, session_id, "Too late.", covers_from=11))


async def test_with_its_agent_all_that_it_knew_is_forgotten(
    agent: RunningAgent, user_id: UUID, session_id: UUID
) -> None:
    made = await create(agent, user_id)
    kept = await create(agent, user_id)
    await agent.rpc.call(learned(made, user_id, session_id, "One.", "Two."))
    await agent.rpc.call(learned(kept, user_id, new_id(), "Kept."))
    await agent.rpc.call(DeleteAgent(user_id=user_id, agent_id=made.agent_id))
    with pytest.raises(AgentNotFound):
        await memories(agent, user_id, made.agent_id)
    with pytest.raises(AgentNotFound):
        await agent.rpc.call(learned(made, user_id, session_id, "Three.", covers_from=11))

    async def texts() -> list[str]:
        return [row[0] for row in await fetch_all(agent.pool, "select text from memories", {})]

    async def only_kept() -> bool:
        return await texts() == ["Kept."]

    await eventually(only_kept)
    gone = ["agent_deleted.v1", "memory_forgotten.v1", "memory_forgotten.v1"]
    await blank(agent, ["agent_created.v1", "personality_changed.v1", "memory_recorded.v1", *gone])
