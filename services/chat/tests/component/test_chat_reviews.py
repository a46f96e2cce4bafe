"""What agent says about its looks at a session: rows, in whatever order it is heard; the news."""

import asyncio
import itertools
from datetime import UTC, datetime, timedelta
from uuid import UUID

import psycopg
import pytest

from lingxi_chassis.ids import new_id
from lingxi_chassis.postgres import execute, fetch_all
from lingxi_chat.projections.reviews import Look, remember_look
from lingxi_contracts.agent import DismissSuggestion, GetAgent, RecordReview
from lingxi_contracts.chat import DeleteSession
from services.chat.tests.component.harness import RunningChat
from tests.fixtures.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

AT = datetime(2026, 11, 22, tzinfo=UTC)


async def rows(chat: RunningChat, session_id: UUID) -> list[tuple[object, ...]]:
    sql = "select * from reviews where session_id = %(id)s"
    return await fetch_all(chat.pool, sql, {"id": session_id})


async def test_any_order_and_any_repeats_give_the_same_row(chat: RunningChat) -> None:
    session_id = (await chat.say("Hello.")).session_id
    first, second = new_id(), new_id()
    looks = [
        Look(session_id, checked_at=AT),
        Look(session_id, first, 3),
        Look(session_id, None, 4),
        Look(session_id, checked_at=AT + timedelta(hours=1)),
        Look(session_id, second, 6),
    ]
    for order in itertools.permutations(looks):
        await execute(
            chat.pool, "delete from reviews where session_id = %(id)s", {"id": session_id}
        )
        for look in (*order, *order[:2]):
            await remember_look(chat.pool, look)
        assert await rows(chat, session_id) == [(session_id, second, 6, AT + timedelta(hours=1))]


async def test_of_a_session_that_is_gone_nothing_is_kept(chat: RunningChat) -> None:
    session_id = (await chat.say("Hello.")).session_id
    await remember_look(chat.pool, Look(session_id, new_id(), 3))
    await chat.ask(DeleteSession(user_id=chat.user_id, session_id=session_id))
    await remember_look(chat.pool, Look(session_id, new_id(), 5))
    assert await rows(chat, session_id) == []


async def test_a_deletion_waits_for_a_look_under_way(chat: RunningChat) -> None:
    """Guards the trigger of `FORGET`: the look is committed after the deletion looked."""
    session_id = (await chat.say("Hello.")).session_id
    async with await psycopg.AsyncConnection.connect(chat.settings.database_url) as looking:
        await looking.execute(
            "select from sessions where session_id = %s for key share", [session_id]
        )
        await looking.execute(
            "insert into reviews (session_id, sequence) values (%s, 3)", [session_id]
        )
        deleting = asyncio.create_task(
            chat.ask(DeleteSession(user_id=chat.user_id, session_id=session_id))
        )
        await eventually(lambda: chat.waits_for_a_row("appended as"))
    await deleting
    assert await rows(chat, session_id) == []


async def test_a_look_waits_for_a_deletion_under_way(chat: RunningChat) -> None:
    """Guards `for key share` in `remember_look`."""
    session_id = (await chat.say("Hello.")).session_id
    async with await psycopg.AsyncConnection.connect(chat.settings.database_url) as deleting:
        await deleting.execute("delete from sessions where session_id = %s", [session_id])
        looking = asyncio.create_task(remember_look(chat.pool, Look(session_id, new_id(), 3)))
        await eventually(lambda: chat.waits_for_a_row("insert into reviews"))
    await looking
    assert await rows(chat, session_id) == []


async def test_a_suggestion_is_shown_while_it_waits_and_is_news_once(chat: RunningChat) -> None:
    agent_id = await chat.agent("Calm.", auto_apply_confidence=None)
    session_id = (await chat.say("Hello.", agent_id=agent_id)).session_id
    agent = await chat.ask(GetAgent(user_id=chat.user_id, agent_id=agent_id))
    await chat.ask(
        RecordReview(
            user_id=chat.user_id,
            agent_id=agent_id,
            session_id=session_id,
            to_seq=20,
            based_on_version=agent.personality_version,
            should_update=True,
            reason="They like it short.",
            suggested_personality="Brief.",
            confidence=0.9,
        )
    )

    async def waits() -> bool:
        seen = await chat.session(session_id)
        return seen.suggestion_id is not None and seen.personality_checked_at is not None

    await eventually(waits)
    for news in (("suggestion",), ()):
        said = await chat.say("And?", session_id)
        assert said.answer is not None
        assert said.answer.news == news
    await chat.ask(
        DismissSuggestion(user_id=chat.user_id, agent_id=agent_id, session_id=session_id)
    )

    async def closed() -> bool:
        return not await waits()

    await eventually(closed)
