"""A user is gone: nothing of theirs begins any more, whenever chat hears of what. And the walk."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from typing import Any

import psycopg
import pytest

from lingxi_chassis.ids import new_id
from lingxi_chassis.postgres import fetch_all
from lingxi_chat import bootstrap
from lingxi_chat.application.erase_user import erase_user
from lingxi_chat.projections.neighbours import forget_user, remember_user
from lingxi_contracts.chat import (
    DeleteSession,
    SessionPlace,
    SessionView,
    StartSession,
    WalkSessions,
)
from lingxi_contracts.errors import SessionNotFound
from services.chat.tests.component.harness import RunningChat
from tests.fixtures.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

TABLES = ("users", "sessions", "messages", "turn_work")
PAGES_MAX = 50


async def rows_of_user(chat: RunningChat) -> set[str]:
    """The tables with a row about the user, but the log."""
    counted = await fetch_all(
        chat.pool,
        " union all ".join(
            f"select '{table}' from {table} where user_id = %(id)s" for table in TABLES
        ),
        {"id": chat.user_id},
    )
    return {row[0] for row in counted}


async def erase(chat: RunningChat) -> None:
    await erase_user(chat.user_id, bootstrap.session_log(chat.pool))


async def test_all_sessions_go_and_none_begins(chat: RunningChat) -> None:
    agent_id = await chat.agent()
    said = [await chat.say(f"Hello {n}.", agent_id=agent_id) for n in range(3)]
    await remember_user(chat.pool, chat.user_id, "Asia/Tokyo", 1)
    assert {"users", "sessions", "messages"} <= await rows_of_user(chat)
    await erase(chat)
    await erase(chat)
    assert await rows_of_user(chat) == set()
    assert all([(await chat.logged(one.session_id))[-1] == "session_deleted" for one in said])
    for late in (
        chat.post("Hello?", agent_id=agent_id),
        chat.post("Hello?", said[0].session_id),
        StartSession(user_id=chat.user_id, session_id=new_id(), agent_id=agent_id),
        WalkSessions(user_id=chat.user_id),
    ):
        if isinstance(late, WalkSessions):
            assert (await chat.ask(late)).results == ()
            continue
        with pytest.raises(SessionNotFound):
            await chat.ask(late)
    assert await rows_of_user(chat) == set()


async def test_an_open_turn_ends_with_the_user(chat: RunningChat) -> None:
    await chat.model.fault("hang", contains="slowly", times=1)
    posted = await chat.ask(chat.post("slowly"))
    await chat.model.asked("slowly")
    await erase(chat)
    assert await rows_of_user(chat) == set()
    assert (await chat.logged(posted.session_id))[-1] == "session_deleted"


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
async def test_whatever_comes_first_the_end_is_the_same(
    chat: RunningChat, order: tuple[int, ...]
) -> None:
    """Guards the handlers: shuffled, doubled and replayed events leave equal rows: none."""
    events: list[Callable[[], Awaitable[None]]] = [
        lambda: remember_user(chat.pool, chat.user_id, "UTC", 1),
        lambda: remember_user(chat.pool, chat.user_id, "Asia/Tokyo", 2),
        lambda: erase(chat),
    ]
    for index in (*order, *order, *reversed(order)):
        await events[index]()
    assert await rows_of_user(chat) == set()


async def test_a_row_that_is_being_written_goes_too(chat: RunningChat) -> None:
    """Guards the trigger on `users`: erasure waits for a writer that looked before it."""

    async def someone_waits() -> bool:
        sql = "select 1 from pg_locks where locktype = 'advisory' and not granted and objsubid = 2"
        return bool(await fetch_all(chat.pool, sql, {}))

    url = chat.settings.database_url
    async with await psycopg.AsyncConnection.connect(url) as connection:
        await connection.execute(
            "insert into users (user_id, timezone, sequence) values (%s, 'UTC', 1)", [chat.user_id]
        )
        erasing = asyncio.create_task(erase(chat))
        await eventually(someone_waits)
    await erasing
    assert await rows_of_user(chat) == set()


async def test_forgetting_alone_would_not_do(chat: RunningChat) -> None:
    """Shows what the guard is for: without it a late event brings the row back."""
    await forget_user(chat.pool, chat.user_id)
    await remember_user(chat.pool, chat.user_id, "UTC", 1)
    assert await rows_of_user(chat) == {"users"}


async def walk(chat: RunningChat, limit: int, meanwhile: Callable[[int], Any]) -> list[SessionView]:
    """All sessions by small pages; something happens after each."""
    found: list[SessionView] = []
    after: SessionPlace | None = None
    for page in range(PAGES_MAX):
        question = WalkSessions(user_id=chat.user_id, after=after, limit=limit)
        walked = await chat.ask(question)
        found += walked.results
        after = walked.next_after
        if after is None:
            return found
        await meanwhile(page)
    raise AssertionError("the walk does not end")


async def test_a_walk_misses_none_and_tells_none_twice(chat: RunningChat) -> None:
    """Guards keyset pages: by offset, a deletion behind us would hide a session before us."""
    agent_id = await chat.agent()

    async def start() -> SessionView:
        command = StartSession(user_id=chat.user_id, session_id=new_id(), agent_id=agent_id)
        return await chat.ask(command)

    started = [await start() for _ in range(7)]

    async def meanwhile(page: int) -> None:
        gone = started[2 * page].session_id
        await chat.ask(DeleteSession(user_id=chat.user_id, session_id=gone))
        if page == 0:
            started.append(await start())

    found = await walk(chat, 2, meanwhile)
    assert [one.session_id for one in found] == [one.session_id for one in started]
