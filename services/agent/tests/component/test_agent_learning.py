"""Which sessions are gone was lost, and chat's stream has forgotten it: chat's log tells."""

from uuid import UUID

import pytest

from lingxi_chassis.ids import new_id
from lingxi_chassis.postgres import execute, fetch_all
from lingxi_contracts.agent import OWNER
from lingxi_contracts.chat import OWNER as CHAT, SessionDeleted
from lingxi_contracts.errors import SessionNotFound
from lingxi_contracts.operations import Rebuild
from services.agent.tests.component.companion import create, learned, memories
from services.agent.tests.component.conftest import RunningAgent
from tests.fixtures.others_log import others_log
from tests.fixtures.servers import Servers, fresh_database
from tests.fixtures.waiting import eventually


async def test_a_rebuild_hears_of_sessions_that_are_gone(
    agent: RunningAgent, servers: Servers, nats_url: str, user_id: UUID
) -> None:
    """Guards `begin_again` in the rebuild: nothing is learned from them, how far it learned from
    others stays."""
    made, kept, gone = await create(agent, user_id), new_id(), new_id()
    await agent.rpc.call(learned(made, user_id, kept, "Kept.", covers_from=1))
    await agent.rpc.call(learned(made, user_id, gone, "Of one that is gone."))
    sessions = "select session_id, learned_up_to, deleted from sessions order by deleted"
    before = await fetch_all(agent.pool, sessions, {})
    with fresh_database(servers.postgres_url) as url:
        async with others_log(CHAT, url, nats_url) as chat:
            await chat.tell(SessionDeleted(), gone, user_id, version=7)
            lose = "delete from sessions where session_id = %(id)s"
            await execute(agent.pool, lose, {"id": gone})
            await agent.rpc.call(Rebuild(operation_id=new_id()), 60, owner=OWNER)

            async def all_heard() -> bool:
                return await fetch_all(agent.pool, "select done from heard_logs", {}) == [(True,)]

            await eventually(all_heard)
    after = await fetch_all(agent.pool, sessions, {})
    assert after == [*(row for row in before if row[0] == kept), (gone, 0, True)]
    known = await memories(agent, user_id, made.agent_id)
    assert [one.text for one in known] == ["Kept."]
    with pytest.raises(SessionNotFound):
        await agent.rpc.call(learned(made, user_id, gone, "Late.", covers_from=11))
