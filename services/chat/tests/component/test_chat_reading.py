"""What a user sees: read marks, titles, pages of messages and sessions, search, history."""

import asyncio
from uuid import UUID

import pytest

from lingxi_chassis.ids import new_id
from lingxi_chassis.rpc import ANSWER_BYTES_MAX
from lingxi_contracts.base import Answer
from lingxi_contracts.chat import (
    GetHistory,
    ListMessages,
    ListSessions,
    MessagePage,
    ReadMessages,
    RenameSession,
    SessionPage,
    StartSession,
)
from services.chat.tests.component.harness import RunningChat

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def three_bubbles(chat: RunningChat, session_id: UUID | None = None) -> UUID:
    """A session in which the agent just said three things."""
    await chat.model.fault("raw", contains="three", content="a\n<next>\nb\n<next>\nc", times=1)
    return (await chat.say("three", session_id)).session_id


async def mark(chat: RunningChat, session_id: UUID, up_to: UUID | None) -> None:
    await chat.ask(ReadMessages(user_id=chat.user_id, session_id=session_id, up_to=up_to))


async def test_reading_up_to_a_message_leaves_the_later_ones(chat: RunningChat) -> None:
    session_id = await three_bubbles(chat)
    posted, a, b, c = await chat.messages(session_id)
    assert [m.read for m in (posted, a, b, c)] == [True, False, False, False]

    await mark(chat, session_id, b.message_id)
    session = await chat.session(session_id)
    assert (session.unread_count, session.first_unread_id) == (1, c.message_id)
    assert [m.read for m in await chat.messages(session_id)] == [True, True, True, False]

    logged = await chat.logged(session_id)
    for again in (b, a, posted):
        await mark(chat, session_id, again.message_id)
    assert await chat.logged(session_id) == logged

    await mark(chat, session_id, None)
    session = await chat.session(session_id)
    assert (session.unread_count, session.first_unread_id) == (0, None)
    await mark(chat, session_id, None)
    assert (await chat.logged(session_id)).count("messages_read") == 2


async def test_posting_reads_unless_told_otherwise(chat: RunningChat) -> None:
    session_id = await three_bubbles(chat)
    await chat.model.fault("raw", contains="peek", content="d", times=1)
    await chat.say("peek", session_id, mark_read=False)
    assert (await chat.session(session_id)).unread_count == 4

    await chat.model.fault("raw", contains="look", content="e", times=1)
    await chat.say("look", session_id)
    session = await chat.session(session_id)
    newest = (await chat.messages(session_id))[-1]
    assert (session.unread_count, session.first_unread_id) == (1, newest.message_id)


async def test_reading_while_messages_come_never_loses_count(chat: RunningChat) -> None:
    session_id = await three_bubbles(chat)

    for _ in range(5):
        newest = (await chat.messages(session_id))[-1]
        await asyncio.gather(
            three_bubbles(chat, session_id), mark(chat, session_id, newest.message_id)
        )
        session = await chat.session(session_id)
        unread = [m for m in await chat.messages(session_id) if not m.read]
        assert session.unread_count == len(unread)
        assert session.first_unread_id == (unread[0].message_id if unread else None)
        assert newest.message_id not in {m.message_id for m in unread}


async def test_a_session_is_renamed(chat: RunningChat) -> None:
    session_id = await three_bubbles(chat)
    rename = RenameSession(user_id=chat.user_id, session_id=session_id, title="Trip 旅行")

    assert (await chat.ask(rename)).title == "Trip 旅行"
    assert await chat.ask(rename) == await chat.session(session_id)
    assert (await chat.logged(session_id)).count("session_renamed") == 1


async def test_pages_of_messages_pass_through_all_in_order(chat: RunningChat) -> None:
    session_id = await three_bubbles(chat)
    await three_bubbles(chat, session_id)  # 8 messages

    async def page(
        limit: int = 3, before: int | None = None, after: int | None = None
    ) -> tuple[list[int], bool, bool]:
        question = ListMessages(
            user_id=chat.user_id, session_id=session_id, limit=limit, before=before, after=after
        )
        found: MessagePage = await chat.ask(question)
        return [m.seq for m in found.results], found.older, found.newer

    assert await page() == ([6, 7, 8], True, False)
    assert await page(before=6) == ([3, 4, 5], True, True)
    assert await page(before=3) == ([1, 2], False, True)
    assert await page(before=1) == ([], False, True)
    assert await page(before=100) == ([6, 7, 8], True, False)
    assert await page(after=0) == ([1, 2, 3], False, True)
    assert await page(after=3) == ([4, 5, 6], True, True)
    assert await page(after=6) == ([7, 8], True, False)
    assert await page(after=8) == ([], True, False)
    assert await page(after=100) == ([], True, False)
    assert await page(after=2, before=5) == ([3, 4], True, True)
    assert await page(limit=200) == (list(range(1, 9)), False, False)


async def test_an_empty_session_has_an_empty_page(chat: RunningChat) -> None:
    session_id = new_id()
    await chat.ask(StartSession(user_id=chat.user_id, session_id=session_id, agent_id=None))

    page = await chat.ask(ListMessages(user_id=chat.user_id, session_id=session_id))
    assert page == MessagePage(results=(), older=False, newer=False)


async def test_pages_end_at_the_byte_bound_and_lose_nothing(chat: RunningChat) -> None:
    """Seven messages of 32,000 Chinese characters: 96 kB each, more than one answer may hold."""
    long = "长" * 32_000
    await chat.model.fault("status", contains=long, status=401)
    first = await chat.say(long)
    for _ in range(6):
        await chat.say(long, first.session_id)
    seqs: list[int] = []
    before = None
    while before is None or before > 1:
        question = ListMessages(user_id=chat.user_id, session_id=first.session_id, before=before)
        page = await chat.ask(question)
        assert size_of(page) <= ANSWER_BYTES_MAX
        assert page.older == (page.results[0].seq > 1)
        before = page.results[0].seq
        seqs = [m.seq for m in page.results] + seqs
    assert seqs == list(range(1, 8))

    after: int | None = 0
    seqs = []
    while after is not None:
        question = ListMessages(user_id=chat.user_id, session_id=first.session_id, after=after)
        page = await chat.ask(question)
        seqs += [m.seq for m in page.results]
        after = seqs[-1] if page.newer else None
    assert seqs == list(range(1, 8))

    for _ in range(6):
        await chat.say(long)
    assert await all_sessions(chat) == 7
    history, offset = 0, 0
    while offset is not None:
        page = await chat.ask(GetHistory(user_id=chat.user_id, offset=offset, limit=100))
        assert size_of(page) <= ANSWER_BYTES_MAX
        history += len(page.results)
        offset = page.next_offset
    assert history == 7


def size_of(answer: Answer) -> int:
    return len(answer.model_dump_json().encode())


async def all_sessions(chat: RunningChat) -> int:
    found, offset = 0, 0
    while offset is not None:
        page = await chat.ask(ListSessions(user_id=chat.user_id, offset=offset, limit=100))
        assert size_of(page) <= ANSWER_BYTES_MAX
        found += len(page.results)
        offset = page.next_offset
    return found


async def started(chat: RunningChat, title: str, agent_id: UUID | None = None) -> UUID:
    session_id = new_id()
    await chat.ask(StartSession(user_id=chat.user_id, session_id=session_id, agent_id=agent_id))
    await chat.ask(RenameSession(user_id=chat.user_id, session_id=session_id, title=title))
    return session_id


async def test_search_takes_every_character_as_itself(chat: RunningChat) -> None:
    titles = ["100% sure", "100 sure", "a_b", "axb", "back\\slash", "Ünïcode 旅行", "%", "_"]
    for title in titles:
        await started(chat, title)

    async def search(query: str) -> set[str]:
        question = ListSessions(user_id=chat.user_id, offset=0, limit=100, query=query)
        page: SessionPage = await chat.ask(question)
        assert page.count == len(page.results)
        return {session.title for session in page.results}

    assert await search("%") == {"100% sure", "%"}
    assert await search("_") == {"a_b", "_"}
    assert await search("a_b") == {"a_b"}
    assert await search("\\") == {"back\\slash"}
    assert await search("\\%") == set()
    assert await search("SURE") == {"100% sure", "100 sure"}
    assert await search("旅行") == {"Ünïcode 旅行"}
    assert await search("ünï") == {"Ünïcode 旅行"}
    assert await search("") == set(titles)


async def test_sessions_are_listed_newest_first_by_start_or_by_activity(
    chat: RunningChat,
) -> None:
    agent_id = await chat.agent()
    first = await started(chat, "first")
    second = await started(chat, "second", agent_id)
    third = await started(chat, "third")
    await chat.say("Still there?", first)

    async def listed(**fields: object) -> list[UUID]:
        values = {"user_id": chat.user_id, "offset": 0, "limit": 100, **fields}
        page = await chat.ask(ListSessions.model_validate(values))
        return [session.session_id for session in page.results]

    assert await listed() == [third, second, first]
    assert await listed(order="activity") == [first, third, second]
    assert await listed(agent_id=agent_id) == [second]
    assert await listed(offset=1, limit=1) == [second]
    assert await listed(offset=3) == []
    page = await chat.ask(ListSessions(user_id=chat.user_id, offset=0, limit=2))
    assert (page.count, page.next_offset) == (3, 2)
    page = await chat.ask(ListSessions(user_id=chat.user_id, offset=2, limit=2))
    assert (page.count, page.next_offset) == (3, None)


async def test_history_holds_the_newest_messages_of_each_session(chat: RunningChat) -> None:
    older = await three_bubbles(chat)
    for _ in range(5):
        await three_bubbles(chat, older)  # 24 messages
    newer = await three_bubbles(chat)

    page = await chat.ask(GetHistory(user_id=chat.user_id, limit=100))
    assert [one.session.session_id for one in page.results] == [newer, older]
    assert page.next_offset is None
    assert page.results[0].messages.results == await chat.messages(newer)
    assert page.results[1].messages.results == await chat.messages(older, limit=20)
    assert page.results[1].messages.older
    assert page.results[1].session == await chat.session(older)
    page = await chat.ask(GetHistory(user_id=chat.user_id, limit=1))
    assert page.next_offset == 1
    page = await chat.ask(GetHistory(user_id=chat.user_id, offset=1, limit=1))
    assert [one.session.session_id for one in page.results] == [older]
    assert page.next_offset is None
