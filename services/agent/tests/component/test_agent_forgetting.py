"""Events of others, in any order and number; and nothing of a forgotten memory is found."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import nats
import pytest
from nats.js import JetStreamContext

from lingxi_agent import bootstrap
from lingxi_agent.application.erase_user import erase_user
from lingxi_agent.application.forget_memories import forget_memories
from lingxi_agent.application.forget_session import forget_messages
from lingxi_chassis.clock import utc_now
from lingxi_chassis.consumers.dead_letters import ensure_dead_letters
from lingxi_chassis.ids import new_id
from lingxi_chassis.postgres import fetch_all
from lingxi_chassis.rebuild import rebuild_read_models, rebuild_snapshots
from lingxi_contracts.agent import (
    EVENTS,
    OWNER,
    AgentRequest,
    ApplySuggestion,
    ChangeMemory,
    ChangePersonality,
    DeleteAgent,
    ForgetMemory,
    GetPersonalityHistory,
)
from lingxi_contracts.chat import OWNER as CHAT, MessagesSuperseded
from lingxi_contracts.errors import Refusal, SessionNotFound
from lingxi_contracts.operations import Rebuild
from lingxi_contracts.subjects import DEAD_LETTERS_STREAM, dead_letter_subject
from services.agent.tests.component.companion import create, forgets, learned, memories, review
from services.agent.tests.component.conftest import RunningAgent
from tests.fixtures.others_log import others_log
from tests.fixtures.read_models import all_rows
from tests.fixtures.servers import Servers, fresh_database
from tests.fixtures.waiting import eventually

MARKER = "a secret of marmalade"
HOLDING = (
    "select 'events' from events where data::text like %(text)s"
    " union select 'streams' from streams where state::text like %(text)s"
    " union select 'memories' from memories where text like %(text)s"
    " union select 'suggestions' from personality_suggestions s where s::text like %(text)s"
    " union select 'versions' from personality_versions v where v::text like %(text)s"
)


async def holding(agent: RunningAgent, text: str) -> set[str]:
    """The tables that hold a text."""
    return {row[0] for row in await fetch_all(agent.pool, HOLDING, {"text": f"%{text}%"})}


async def told(js: JetStreamContext) -> list[bytes]:
    """All that is on agent's stream."""
    state = (await js.stream_info("AGENT_EVENTS")).state
    found: list[bytes] = []
    seq = 0
    while seq < state.last_seq and len(found) < state.messages:
        message = await js.get_msg("AGENT_EVENTS", seq=seq + 1, subject=">", next=True)
        assert message.seq is not None
        seq = message.seq
        found.append(message.data or b"")
    return found


async def test_a_forgotten_memory_is_found_nowhere(
    agent: RunningAgent, nats_url: str, user_id: UUID
) -> None:
    """Guards tables, stream and dead letters."""
    made = await create(agent, user_id)
    await agent.rpc.call(learned(made, user_id, new_id(), MARKER, "Something else."))
    known = {one.text: one.memory_id for one in await memories(agent, user_id, made.agent_id)}
    assert await holding(agent, MARKER) == {"events", "streams", "memories"}
    async with await nats.connect(nats_url) as client:
        js = client.jetstream()
        await ensure_dead_letters(js)

        async def is_told() -> bool:
            return any(MARKER.encode() in body for body in await told(js))

        await eventually(is_told)
        rows = await fetch_all(
            agent.pool, "select event_id from events where type = 'memory_recorded.v1'", {}
        )
        for row in rows:
            await js.publish(dead_letter_subject("scheduler", "any", user_id, row[0]), b"{}")
        ids = {"user_id": user_id, "agent_id": made.agent_id, "memory_id": known[MARKER]}
        await agent.rpc.call(ForgetMemory(**ids))

        async def is_gone() -> bool:
            letters = (await js.stream_info(DEAD_LETTERS_STREAM)).state.messages
            return letters == 1 and not await is_told()

        await eventually(is_gone)
        assert any(b"Something else." in body for body in await told(js))
        assert any(b"memory_forgotten.v1" in body for body in await told(js))
    assert await holding(agent, MARKER) == set()


async def test_a_user_who_is_gone_left_nothing_and_learns_nothing(
    agent: RunningAgent, user_id: UUID
) -> None:
    made, other = await create(agent, user_id), await create(agent, new_id())
    await agent.rpc.call(learned(made, user_id, new_id(), MARKER))
    await agent.rpc.call(review(made, user_id, new_id(), reason=MARKER))
    log = bootstrap.open_log(agent.pool)
    for _ in range(2):
        await erase_user(log, user_id, utc_now())
    for late in (learned(made, user_id, new_id(), MARKER), review(made, user_id, new_id())):
        with pytest.raises(Refusal):
            await agent.rpc.call(late)

    async def is_blank() -> bool:
        return await holding(agent, MARKER) == set()

    await eventually(is_blank)
    rows = await fetch_all(agent.pool, "select agent_id from agents", {})
    assert rows == [(other.agent_id,)]


async def test_what_is_learned_while_its_session_goes_is_not_recorded(
    agent: RunningAgent, user_id: UUID
) -> None:
    """Guards the lock of `living`: a deletion under way is waited for, and then seen."""
    made, session_id = await create(agent, user_id), new_id()
    await agent.rpc.call(learned(made, user_id, session_id, "From before."))
    deleting = b"update sessions set deleted = true where session_id = %(id)s"
    waiting = "select 1 from pg_locks where not granted"
    async with (
        asyncio.TaskGroup() as tasks,
        agent.pool.connection() as connection,
        connection.transaction(),
    ):
        await connection.execute(deleting, {"id": session_id})
        late = learned(made, user_id, session_id, MARKER, covers_from=11)
        learning = tasks.create_task(refused(agent, late))
        suggesting = tasks.create_task(refused(agent, review(made, user_id, session_id)))

        async def both_wait() -> bool:
            return len(await fetch_all(agent.pool, waiting, {})) >= 2

        await eventually(both_wait)
    assert learning.result()
    assert suggesting.result()
    assert await holding(agent, MARKER) == set()


async def test_what_a_deleted_session_led_to_is_found_nowhere(
    agent: RunningAgent, user_id: UUID
) -> None:
    """Guards suggestions, whatever became of them, the reasons of versions, and earlier words of
    memories, in tables and on the stream. What the user took over stays, as does what others led
    to; a rebuild finds the same."""
    made, session_id, other = await create(agent, user_id), new_id(), new_id()
    ids: dict[str, Any] = {"user_id": user_id, "agent_id": made.agent_id}

    async def reviewed(of: UUID, to_seq: int, version: int, text: str, **more: Any) -> None:
        found = {"suggested_personality": text, "reason": f"{MARKER} {to_seq}"} | more
        command = review(made, user_id, of, to_seq, based_on_version=version, **found)
        assert (await agent.rpc.call(command)).outcome != "unchanged"

    await reviewed(session_id, 20, 1, MARKER)
    await agent.rpc.call(ChangePersonality(**ids, personality_prompt="By hand."))  # it lapses
    await reviewed(session_id, 40, 2, "Taken over.")
    await agent.rpc.call(ApplySuggestion(**ids, session_id=session_id))
    await reviewed(session_id, 60, 3, "By itself.", confidence=0.9, evidence=())
    await reviewed(other, 20, 4, "Another's.", reason="Another's reason.")
    await agent.rpc.call(ApplySuggestion(**ids, session_id=other))
    await reviewed(session_id, 80, 5, f"{MARKER} waits")
    await agent.rpc.call(learned(made, user_id, session_id, f"{MARKER} 1", f"{MARKER} 2"))
    first, second = await memories(agent, user_id, made.agent_id)
    in_other = learned(made, user_id, other, "More exactly.", replaces=first.memory_id)
    await agent.rpc.call(in_other)
    by_hand = ChangeMemory(**ids, memory_id=second.memory_id, text="My words.")
    await agent.rpc.call(by_hand)
    assert await holding(agent, MARKER) == {"events", "suggestions", "versions"}

    async def said() -> int:
        return sum(MARKER.encode() in body for body in await told(agent.js))

    await eventually(lambda: holds(said, 7))
    await forgets(agent, user_id, session_id)
    assert await holding(agent, MARKER) == set()
    assert await said() == 0
    assert {one.text for one in await memories(agent, user_id, made.agent_id)} == {
        "More exactly.",
        "My words.",
    }
    history = await agent.rpc.call(GetPersonalityHistory(**ids))
    assert [(one.personality_prompt, one.reason, len(one.evidence)) for one in history.results] == [
        ("Another's.", "Another's reason.", 1),
        ("By itself.", None, 0),
        ("Taken over.", None, 0),
        ("By hand.", None, 0),
        ("Kind.", None, 0),
    ]
    before = await all_rows(agent.pool, bootstrap.READ_MODELS)
    await rebuild_read_models(agent.settings.database_url, bootstrap.READ_MODELS)
    log = bootstrap.open_log(agent.pool)
    assert (await rebuild_snapshots(log, EVENTS, bootstrap.TOMBSTONES)).replaced == 0
    assert await all_rows(agent.pool, bootstrap.READ_MODELS) == before


async def holds(count: Callable[[], Awaitable[int]], number: int) -> bool:
    return await count() == number


async def refused(agent: RunningAgent, request: AgentRequest[Any]) -> bool:
    """Whether it is: its session is gone."""
    try:
        await agent.rpc.call(request, timeout_seconds=30)
    except SessionNotFound:
        return True
    return False


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_events_in_any_order_and_number_leave_the_same(
    agent: RunningAgent, user_id: UUID, seed: int
) -> None:
    """Guards the handlers: doubled, shuffled and at once, beside the commands they are about."""
    made, gone = await create(agent, user_id), await create(agent, user_id)
    kept, deleted, of_gone, edited = new_id(), new_id(), new_id(), new_id()
    of_edited = learned(made, user_id, edited, "Said otherwise since.", "Said still.")
    replaced = of_edited.facts[0].message_ids
    log = bootstrap.open_log(agent.pool)

    def command(request: AgentRequest[Any]) -> Callable[[], Awaitable[object]]:
        async def call() -> None:
            try:
                await agent.rpc.call(request)
            except Refusal:
                return

        return call

    work: list[Callable[[], Awaitable[object]]] = [
        command(learned(made, user_id, kept, "Kept.")),
        command(review(made, user_id, kept)),
        command(learned(made, user_id, deleted, "Gone with its session.")),
        command(review(made, user_id, deleted)),
        command(learned(gone, user_id, of_gone, "Gone with its agent.")),
        command(DeleteAgent(user_id=user_id, agent_id=gone.agent_id)),
        lambda: forgets(agent, user_id, deleted),
        command(of_edited),
        lambda: forget_messages(log, user_id, edited, replaced, utc_now()),
        lambda: forget_memories(log, user_id, gone.agent_id, utc_now()),
    ]
    work *= 2
    random.Random(seed).shuffle(work)
    for start in range(0, len(work), 4):
        await asyncio.gather(*(one() for one in work[start : start + 4]))
    await forget_memories(log, user_id, gone.agent_id, utc_now())
    shown = await fetch_all(
        agent.pool,
        "select text from memories union all"
        " select session_id::text from personality_suggestions order by 1",
        {},
    )
    assert {row[0] for row in shown} == {"Kept.", "Said still.", str(kept)}
    of_deleted = "select superseded from sessions where deleted"
    assert await fetch_all(agent.pool, of_deleted, {}) == [([],)]


async def test_nothing_rests_on_a_message_that_was_replaced(
    agent: RunningAgent, user_id: UUID
) -> None:
    """Not what was learned before, nor what comes late; what the user wrote stays, and so does
    what another message says."""
    made, session_id = await create(agent, user_id), new_id()
    first = learned(made, user_id, session_id, "Alone.", "Both.", "By hand.")
    await agent.rpc.call(first)
    by_text = {one.text: one for one in await memories(agent, user_id, made.agent_id)}
    both = by_text["Both."].memory_id
    again = learned(made, user_id, session_id, "Both, really.", covers_from=11, replaces=both)
    await agent.rpc.call(again)
    ids = {"user_id": user_id, "agent_id": made.agent_id}
    by_hand = by_text["By hand."].memory_id
    await agent.rpc.call(ChangeMemory(**ids, memory_id=by_hand, text="My words."))
    log = bootstrap.open_log(agent.pool)
    replaced = [one for fact in first.facts for one in fact.message_ids]

    for _ in range(2):
        await forget_messages(log, user_id, session_id, replaced, utc_now())
    late = learned(made, user_id, session_id, "Late.", covers_from=21)
    (fact,) = late.facts
    evidence = (replaced[0], *fact.message_ids)
    facts = (
        fact.model_copy(update={"message_ids": (replaced[0],), "text": "Of what is gone."}),
        fact.model_copy(update={"message_ids": evidence}),
    )
    await agent.rpc.call(late.model_copy(update={"facts": facts}))

    left = {one.text: one.evidence for one in await memories(agent, user_id, made.agent_id)}
    assert left.pop("My words.") == ()
    assert {text: [one.message_id for one in rests_on] for text, rests_on in left.items()} == {
        "Both, really.": list(again.facts[0].message_ids),
        "Late.": list(fact.message_ids),
    }


async def test_what_is_learned_while_its_message_is_replaced_does_not_rest_on_it(
    agent: RunningAgent, user_id: UUID
) -> None:
    """Guards the lock of `living`, and that the record is tried again without the message."""
    made, session_id = await create(agent, user_id), new_id()
    await agent.rpc.call(learned(made, user_id, session_id, "From before."))
    late = learned(made, user_id, session_id, MARKER, "Of another message.", covers_from=11)
    superseding = b"update sessions set superseded = %(ids)s where session_id = %(id)s"
    waiting = "select 1 from pg_locks where not granted"
    async with (
        asyncio.TaskGroup() as tasks,
        agent.pool.connection() as connection,
        connection.transaction(),
    ):
        ids = list(late.facts[0].message_ids)
        await connection.execute(superseding, {"id": session_id, "ids": ids})
        tasks.create_task(agent.rpc.call(late, timeout_seconds=30))

        async def waits() -> bool:
            return bool(await fetch_all(agent.pool, waiting, {}))

        await eventually(waits)
    assert await holding(agent, MARKER) == set()
    known = [one.text for one in await memories(agent, user_id, made.agent_id)]
    assert known == ["From before.", "Of another message."]


async def test_what_was_replaced_is_heard_of_from_chats_log_too(
    agent: RunningAgent, servers: Servers, nats_url: str, user_id: UUID
) -> None:
    """Guards the handler, by the same events that a rebuild hears again."""
    made, session_id = await create(agent, user_id), new_id()
    command = learned(made, user_id, session_id, "Alone.")
    await agent.rpc.call(command)
    replaced = MessagesSuperseded(message_ids=command.facts[0].message_ids, by_turn_id=new_id())
    with fresh_database(servers.postgres_url) as url:
        async with others_log(CHAT, url, nats_url) as chat:
            await chat.tell(replaced, session_id, user_id, version=7)
            await agent.rpc.call(Rebuild(operation_id=new_id()), 60, owner=OWNER)

            async def forgotten() -> bool:
                return await memories(agent, user_id, made.agent_id) == []

            await eventually(forgotten)
