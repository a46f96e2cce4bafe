"""Deletions, and neighbours that are away or change: agent, users' time zones."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from structlog.testing import capture_logs

from lingxi_chassis.bus import connect
from lingxi_chassis.ids import new_id
from lingxi_chassis.postgres import execute, fetch_all
from lingxi_chassis.rpc import RpcClient
from lingxi_chat.adapters.agents import RemoteProfiles
from lingxi_chat.application.delete_session import delete_sessions_of
from lingxi_chat.bootstrap import session_log
from lingxi_chat.projections.neighbours import forget_agent, remember_agent, remember_user
from lingxi_contracts.agent import ChangeAgent, DeleteAgent
from lingxi_contracts.chat import DeleteSession, ListMessages, ListSessions, StartSession
from lingxi_contracts.errors import AgentNotFound, SessionNotFound, Unavailable
from services.chat.tests.component.harness import RunningChat
from services.chat.tests.component.talks import talked
from tests.fixtures.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def rows_of(chat: RunningChat, session_id: Any) -> dict[str, int]:
    """How many rows tell of a session, by table."""
    tables = ("sessions", "messages", "turn_work")
    counted = await fetch_all(
        chat.pool,
        " union all ".join(
            f"select '{table}', count(*) from {table} where session_id = %(id)s" for table in tables
        ),
        {"id": session_id},
    )
    return {row[0]: row[1] for row in counted}


async def test_a_deleted_session_leaves_nothing_but_its_tombstone(chat: RunningChat) -> None:
    await chat.model.fault("hang", contains="gone", times=1)
    posted = await chat.ask(chat.post("gone"))
    await chat.model.asked("gone")
    command = DeleteSession(user_id=chat.user_id, session_id=posted.session_id)
    await chat.ask(command)

    assert await rows_of(chat, posted.session_id) == {"sessions": 0, "messages": 0, "turn_work": 0}
    state = await fetch_all(
        chat.pool, "select state from streams where stream_id = %(id)s", {"id": posted.session_id}
    )
    assert state == [(None,)]
    for request in (
        command,
        chat.post("gone", posted.session_id),
        chat.post("gone", posted.session_id, create_session=True),
        ListMessages(user_id=chat.user_id, session_id=posted.session_id),
    ):
        with pytest.raises(SessionNotFound):
            await chat.ask(request)


async def test_deletions_and_outcomes_at_once_end_in_one_of_two_ways(chat: RunningChat) -> None:
    async def one(n: int) -> None:
        posted = await chat.ask(chat.post(f"either {n}"))
        await chat.ask(DeleteSession(user_id=chat.user_id, session_id=posted.session_id))
        assert (await chat.logged(posted.session_id))[-1] == "session_deleted"

    with capture_logs() as logs:
        await asyncio.gather(*(one(n) for n in range(15)))
        sql = "select 1 from turn_work where user_id = %(id)s"
        assert await fetch_all(chat.pool, sql, {"id": chat.user_id}) == []
    assert "turn_crashed" not in {line["event"] for line in logs}


async def test_a_deleted_agent_takes_its_sessions_along(chat: RunningChat) -> None:
    agent_id = await chat.agent()
    lost = [await chat.say(f"Hello {n}.", agent_id=agent_id) for n in range(3)]
    kept = await chat.say("Hello.")
    await chat.ask(DeleteAgent(user_id=chat.user_id, agent_id=agent_id))

    async def gone() -> bool:
        page = await chat.ask(ListSessions(user_id=chat.user_id, offset=0, limit=10))
        return [session.session_id for session in page.results] == [kept.session_id]

    await eventually(gone)
    for said in lost:
        assert set((await rows_of(chat, said.session_id)).values()) == {0}
    with pytest.raises(AgentNotFound):
        await chat.ask(chat.post("Hello?", agent_id=agent_id))


async def test_a_session_cannot_start_while_its_agents_deletion_passes(
    chat: RunningChat,
) -> None:
    """Chat has the deletion, agent's answer came just before it: the guard sees it."""
    agent_id = await chat.agent()
    await chat.say("Hello.", agent_id=agent_id)
    await forget_agent(chat.pool, agent_id, 2)

    with pytest.raises(AgentNotFound):
        await chat.ask(chat.post("Hello?", agent_id=agent_id))
    with pytest.raises(AgentNotFound):
        await chat.ask(StartSession(user_id=chat.user_id, session_id=new_id(), agent_id=agent_id))


async def test_a_session_that_starts_waits_for_a_deletion_under_way(chat: RunningChat) -> None:
    agent_id = await chat.agent()
    await eventually(lambda: known(chat, agent_id))
    async with chat.pool.connection() as connection:
        async with connection.transaction():
            await connection.execute(
                "update agents set deleted = true, name = null where agent_id = %s", [agent_id]
            )
            asking = asyncio.create_task(chat.ask(chat.post("Hello?", agent_id=agent_id)))
            await eventually(lambda: someone_waits(chat))
        with pytest.raises(AgentNotFound):
            await asking


async def known(chat: RunningChat, agent_id: Any) -> bool:
    sql = "select 1 from agents where agent_id = %(id)s"
    return bool(await fetch_all(chat.pool, sql, {"id": agent_id}))


async def someone_waits(chat: RunningChat) -> bool:
    sql = "select 1 from pg_locks where not granted"
    return bool(await fetch_all(chat.pool, sql, {}))


async def test_a_session_that_slipped_through_is_deleted_at_its_first_turn(
    chat: RunningChat,
) -> None:
    """Agent says the agent is gone; chat has heard so, when this session was not to be seen yet."""
    said = await chat.say("Hello.")
    lost = new_id()
    await forget_agent(chat.pool, lost, 1)
    await execute(
        chat.pool,
        "update streams set state = jsonb_set(state, '{agent_id}', to_jsonb(%(lost)s::text)),"
        " version = version + 1"
        " where stream_id = %(id)s",
        {"lost": str(lost), "id": said.session_id},
    )
    await chat.ask(chat.post("Hello?", said.session_id))
    await eventually(lambda: erased(chat, said.session_id))

    with pytest.raises(SessionNotFound):
        await chat.session(said.session_id)
    assert set((await rows_of(chat, said.session_id)).values()) == {0}


async def erased(chat: RunningChat, session_id: Any) -> bool:
    return (await chat.logged(session_id))[-1] == "session_deleted"


async def test_an_agents_new_name_is_shown(chat: RunningChat) -> None:
    agent_id = await chat.agent(name="Mo")
    said = await chat.say("Hello.", agent_id=agent_id)
    await chat.ask(ChangeAgent(user_id=chat.user_id, agent_id=agent_id, patch={"name": "Jo"}))

    async def renamed() -> bool:
        return (await chat.session(said.session_id)).agent_name == "Jo"

    await eventually(renamed)


async def test_the_prompt_tells_the_users_time(chat: RunningChat) -> None:
    await remember_user(chat.pool, chat.user_id, "Asia/Tokyo", 1)
    await chat.say("What time is it here?")

    (prompt,) = await chat.model.prompts("What time is it here?")
    assert "(Asia/Tokyo)" in prompt[0]["content"]


async def test_late_and_repeated_events_of_neighbours_change_nothing(chat: RunningChat) -> None:
    agent_id = new_id()

    async def told(*calls: Callable[[], Any]) -> list[Any]:
        for call in calls:
            await call()
        sql = "select name, deleted from agents where agent_id = %(id)s"
        return [tuple(row) for row in await fetch_all(chat.pool, sql, {"id": agent_id})]

    def named(name: str, sequence: int) -> Callable[[], Any]:
        return lambda: remember_agent(chat.pool, agent_id, name, sequence)

    assert await told(named("b", 3), named("a", 1), named("b", 3)) == [("b", False)]
    gone = [(None, True)]
    assert await told(lambda: forget_agent(chat.pool, agent_id, 5)) == gone
    assert await told(named("c", 4), named("c", 6)) == gone
    assert await told(lambda: forget_agent(chat.pool, agent_id, 5)) == gone


async def test_while_agent_is_away_its_last_known_profile_speaks(chat: RunningChat) -> None:
    agent_id = await chat.agent("You are a gardener.")
    async with connect(chat.settings.nats_url, "tester") as nats:
        profiles = RemoteProfiles(RpcClient(nats))
        profile = await profiles.profile(chat.user_id, agent_id)
        assert profile.personality_prompt == "You are a gardener."

    # The connection is closed: nobody answers any more.
    assert await profiles.profile(chat.user_id, agent_id) == profile
    for user_id, asked in ((new_id(), agent_id), (chat.user_id, new_id()), (chat.user_id, None)):
        with pytest.raises(Unavailable):
            await profiles.profile(user_id, asked)


async def test_profiles_are_remembered_up_to_so_many_bytes(chat: RunningChat) -> None:
    long = "You know a lot about gardens. " * 100
    one, other, newest = [await chat.agent(long, name) for name in ("Mo", "Lu", "Ed")]
    async with connect(chat.settings.nats_url, "tester") as nats:
        profiles = RemoteProfiles(RpcClient(nats), last_known_bytes_max=3 * len(long))
        for agent_id in (one, other, one, newest):
            await profiles.profile(chat.user_id, agent_id)

    for agent_id in (one, newest):
        assert (await profiles.profile(chat.user_id, agent_id)).personality_prompt == long
    with pytest.raises(Unavailable):
        await profiles.profile(chat.user_id, other)


async def test_no_session_is_deleted_because_agent_does_not_know_the_agent(
    chat: RunningChat,
) -> None:
    """Agent may have lost its agents, by a restore for example: nothing is erased for that."""
    agent_id = new_id()
    session_id = await talked(chat, agent_id, ["Hello.", "Hello!"])

    failed = await chat.say("Are you there?", session_id)

    assert failed.failure is not None
    assert (failed.failure.code, failed.failure.retryable) == ("abandoned", True)
    assert len(await chat.messages(session_id)) == 3


async def test_a_row_without_its_session_keeps_no_deletion_going(chat: RunningChat) -> None:
    agent_id = await chat.agent()
    lost = (await chat.say("Hello.", agent_id=agent_id)).session_id
    there = (await chat.say("Hello?", agent_id=agent_id)).session_id
    await execute(chat.pool, "delete from streams where stream_id = %(id)s", {"id": lost})
    async with asyncio.timeout(10):
        await delete_sessions_of(agent_id, session_log(chat.pool))
    assert await erased(chat, there)
