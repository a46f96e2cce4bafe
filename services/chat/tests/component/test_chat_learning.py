"""What chat knows of others was lost, and their streams have forgotten it: their logs tell."""

from collections.abc import AsyncGenerator
from uuid import UUID

import pytest
import pytest_asyncio

from lingxi_chassis.ids import new_id
from lingxi_chassis.postgres import Row, execute, fetch_all
from lingxi_chat.bootstrap import LEARNED
from lingxi_contracts import chat as of_chat
from lingxi_contracts.agent import ChangeAgent, DeleteAgent, DismissSuggestion, RecordReview
from lingxi_contracts.errors import SessionNotFound
from lingxi_contracts.gateway import OWNER, UserRegistered
from lingxi_contracts.operations import Rebuild
from lingxi_contracts.subjects import stream_name
from services.chat.tests.component.harness import RunningChat
from services.chat.tests.component.talks import talked
from tests.fixtures.others_log import OthersLog, others_log
from tests.fixtures.servers import Servers, fresh_database
from tests.fixtures.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module")
async def gateway(servers: Servers) -> AsyncGenerator[OthersLog]:
    with fresh_database(servers.postgres_url) as url:
        async with others_log(OWNER, url, servers.nats_url) as log:
            yield log


async def learned(chat: RunningChat) -> list[list[Row]]:
    selects = [f"select * from {table} order by 1" for table in LEARNED]
    return [await fetch_all(chat.pool, select, {}) for select in selects]


async def reviewed(chat: RunningChat, agent_id: UUID) -> UUID:
    """A session that agent has looked at, with a suggestion that waits."""
    session_id = (await chat.say("Hello.", agent_id=agent_id)).session_id
    await chat.ask(
        RecordReview(
            user_id=chat.user_id,
            agent_id=agent_id,
            session_id=session_id,
            to_seq=20,
            based_on_version=1,
            should_update=True,
            reason="They like it short.",
            suggested_personality=f"Brief. {session_id}",
            confidence=0.5,
        )
    )
    return session_id


async def rebuilt(chat: RunningChat) -> None:
    """An operator has chat's tables made again."""
    await chat.rpc.call(Rebuild(operation_id=new_id()), 60, owner=of_chat.OWNER)

    async def all_heard() -> bool:
        rows = await fetch_all(chat.pool, "select done from heard_logs", {})
        return len(rows) == 2 and all(done for (done,) in rows)

    await eventually(all_heard)


async def test_all_that_was_known_is_learned_again(chat: RunningChat, gateway: OthersLog) -> None:
    """Guards `begin_again` in the rebuild: names, deletions, time zones and looks, row by row."""
    registered = UserRegistered(username="ann", email=None, timezone="Pacific/Chatham")
    await gateway.tell(registered, chat.user_id, chat.user_id)
    kept, gone = await chat.agent(name="Mo"), await chat.agent(name="Lu")
    await chat.ask(ChangeAgent(user_id=chat.user_id, agent_id=kept, patch={"name": "Jo"}))
    dismissed, waits = await reviewed(chat, kept), await reviewed(chat, kept)
    await reviewed(chat, gone)
    ids = {"user_id": chat.user_id, "agent_id": kept, "session_id": dismissed}
    await chat.ask(DismissSuggestion.model_validate(ids))
    await chat.ask(DeleteAgent(user_id=chat.user_id, agent_id=gone))

    async def all_told() -> bool:
        agents, _, reviews = await learned(chat)
        suggestions = {row[0]: row[1] for row in reviews}
        return (
            {(row[0], row[1], row[3]) for row in agents}
            >= {(kept, "Jo", False), (gone, None, True)}
            and suggestions.keys() == {dismissed, waits}
            and suggestions[dismissed] is None
            and suggestions[waits] is not None
        )

    await eventually(all_told)
    await rebuilt(chat)
    before = await learned(chat)
    assert await all_told()
    assert before[1] == [(chat.user_id, "Pacific/Chatham", 1)]

    await chat.nats.jetstream().purge_stream(stream_name("agent"))
    await execute(chat.pool, "update agents set name = 'wrong', deleted = false", {})
    await execute(chat.pool, "update reviews set suggestion_id = null, sequence = 1000", {})
    await execute(chat.pool, "truncate users", {})
    await rebuilt(chat)
    assert await learned(chat) == before


async def test_a_session_that_starts_meanwhile_with_an_agent_that_is_gone_goes(
    chat: RunningChat, gateway: OthersLog
) -> None:
    """Guards the window: a deletion that is heard again takes such sessions along."""
    agent_id = await chat.agent()
    await chat.ask(DeleteAgent(user_id=chat.user_id, agent_id=agent_id))

    async def known_as_gone() -> bool:
        sql = "select 1 from agents where agent_id = %(id)s and deleted"
        return bool(await fetch_all(chat.pool, sql, {"id": agent_id}))

    await eventually(known_as_gone)
    session_id = await talked(chat, agent_id, ["Hello?", "Hello."])
    await chat.nats.jetstream().purge_stream(stream_name("agent"))
    await rebuilt(chat)
    with pytest.raises(SessionNotFound):
        await chat.session(session_id)
