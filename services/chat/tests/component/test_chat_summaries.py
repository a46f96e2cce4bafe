"""Summaries: due at multiples of ten, worked on, recorded once, withdrawn with what they told."""

from typing import Any, cast
from uuid import UUID

import pytest

from lingxi_chassis.eventlog import Conflict, EventLog
from lingxi_chassis.ids import new_id
from lingxi_chassis.postgres import fetch_all
from lingxi_chat.domain.prompt import SUMMARY
from lingxi_contracts.chat import (
    SUMMARY_WORK_CHARS_MAX,
    DeleteSession,
    EditMessage,
    GetReviewWork,
    GetSummaryWork,
    PostedMessage,
    RecordSummary,
    RegenerateTurn,
    RenameSession,
    SummaryWork,
    SummaryWritten,
)
from lingxi_contracts.errors import SessionNotFound, SummaryOutdated
from services.chat.tests.component.harness import RunningChat
from tests.fixtures.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def talk(chat: RunningChat, turns: int, session_id: UUID | None = None) -> PostedMessage:
    """So many turns of one message and one bubble each; the last of them."""
    await chat.model.fault("raw", contains="turn", content="One bubble.")
    said = await chat.say("turn 1", session_id)
    for number in range(2, turns + 1):
        said = await chat.say(f"turn {number}", said.session_id)
    return said


async def work(chat: RunningChat, session_id: UUID) -> SummaryWork:
    return await chat.ask(GetSummaryWork(user_id=chat.user_id, session_id=session_id))


def summarised(chat: RunningChat, session_id: UUID, due: SummaryWork, text: str) -> RecordSummary:
    return RecordSummary(
        user_id=chat.user_id,
        session_id=session_id,
        covers_from=due.covers_from,
        covers_up_to=due.covers_up_to,
        superseded_count=due.superseded_count,
        title=f"About {text}",
        summary=text,
    )


async def dues(chat: RunningChat, session_id: UUID) -> list[int]:
    return [data["to_seq"] for name, data in await chat.events(session_id) if name == "summary_due"]


async def shown(chat: RunningChat, session_id: UUID) -> tuple[str, str, int]:
    view = await chat.session(session_id)
    return view.title, view.summary, view.covers_up_to


async def test_a_summary_outlasts_a_session_that_moves_on(
    chat: RunningChat, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards `record_summary.TRIES_MAX`: the model was paid for it, and would be asked again."""
    said = await talk(chat, 5)
    due = await work(chat, said.session_id)
    append = cast("Any", EventLog).append
    met: list[str] = []

    async def moved_on(self: Any, snapshot: Any, events: Any, at: Any, **more: Any) -> Any:
        if any(isinstance(event, SummaryWritten) for event in events) and len(met) < 10:
            met.append("a turn's append")
            raise Conflict
        return await append(self, snapshot, events, at, **more)

    monkeypatch.setattr(EventLog, "append", moved_on)
    await chat.ask(summarised(chat, said.session_id, due, "ten"))

    assert len(met) == 10
    assert await shown(chat, said.session_id) == ("About ten", "ten", 10)


async def test_what_is_due_is_worked_on_once_and_goes_on_from_there(chat: RunningChat) -> None:
    said = await talk(chat, 6)
    assert await dues(chat, said.session_id) == [10]
    due = await work(chat, said.session_id)
    assert (due.covers_from, due.covers_up_to, due.title, due.summary) == (1, 10, "", "")
    assert [message.seq for message in due.messages] == list(range(1, 11))
    first = summarised(chat, said.session_id, due, "ten")
    await chat.ask(first)
    await chat.ask(first)
    assert (await chat.logged(said.session_id)).count("summary_written") == 1
    assert await shown(chat, said.session_id) == ("About ten", "ten", 10)
    assert (await work(chat, said.session_id)).messages == ()  # 11 and 12 wait for the next ten

    await talk(chat, 4, said.session_id)
    assert await dues(chat, said.session_id) == [10, 20]
    due = await work(chat, said.session_id)
    assert (due.covers_from, due.covers_up_to, due.summary) == (11, 20, "ten")
    with pytest.raises(SummaryOutdated):
        await chat.ask(first.model_copy(update={"covers_up_to": 20}))
    await chat.ask(summarised(chat, said.session_id, due, "twenty"))
    assert await shown(chat, said.session_id) == ("About twenty", "twenty", 20)
    review = await chat.ask(GetReviewWork(user_id=chat.user_id, session_id=said.session_id))
    assert [message.seq for message in review.messages] == list(range(1, 21))


async def test_the_next_answer_knows_it_and_says_that_it_is_new(chat: RunningChat) -> None:
    said = await talk(chat, 5)
    due = await work(chat, said.session_id)
    await chat.ask(summarised(chat, said.session_id, due, "what they talked about"))
    await chat.ask(RenameSession(user_id=chat.user_id, session_id=said.session_id, title="t"))
    for text, news in (("turn known", ("summary",)), ("turn later", ())):
        answered = await chat.say(text, said.session_id)
        assert answered.answer is not None
        assert answered.answer.news == news
        (prompt,) = await chat.model.prompts(text)
        assert f"{SUMMARY}\nwhat they talked about" in prompt[0]["content"]
        contents = [message["content"] for message in prompt]
        assert len(set(contents[1::2])) == len(contents[1::2])  # the user's, each once


async def test_a_title_of_the_users_own_stays(chat: RunningChat) -> None:
    said = await talk(chat, 5)
    rename = RenameSession(user_id=chat.user_id, session_id=said.session_id, title="mine")
    await chat.ask(rename)
    due = await work(chat, said.session_id)
    await chat.ask(summarised(chat, said.session_id, due, "ten"))
    assert await shown(chat, said.session_id) == ("mine", "ten", 10)


async def test_an_edit_and_another_answer_withdraw_what_told_the_old_ones(
    chat: RunningChat,
) -> None:
    said = await talk(chat, 5)
    session_id = said.session_id
    due = await work(chat, session_id)
    late = summarised(chat, session_id, due, "late")
    turn_id = new_id()
    command = RegenerateTurn(user_id=chat.user_id, session_id=session_id, turn_id=turn_id)
    await chat.ask(command)

    async def ended() -> bool:
        return await chat.work(session_id) is None

    await eventually(ended)
    with pytest.raises(SummaryOutdated):
        await chat.ask(late)
    due = await work(chat, session_id)
    assert [message.seq for message in due.messages] == list(range(1, 10))
    assert due.covers_up_to == 10
    await chat.ask(summarised(chat, session_id, due, "ten"))
    await talk(chat, 5, session_id)
    due = await work(chat, session_id)
    assert due.covers_up_to == await last_seq(chat, session_id) == 21
    await chat.ask(summarised(chat, session_id, due, "twenty"))
    newest = (await chat.messages(session_id))[-2]
    assert newest.seq == 20
    edit = EditMessage(
        user_id=chat.user_id,
        session_id=session_id,
        message_id=newest.message_id,
        new_message_id=new_id(),
        turn_id=new_id(),
        text="turn edited",
    )
    await chat.ask(edit)
    assert (await shown(chat, session_id))[1:] == ("ten", 10)
    await eventually(ended)
    assert await dues(chat, session_id) == [10, 21, 23]
    due = await work(chat, session_id)
    assert (due.covers_from, due.covers_up_to, due.summary) == (11, 23, "ten")
    assert {20, 21}.isdisjoint(message.seq for message in due.messages)


async def last_seq(chat: RunningChat, session_id: UUID) -> int:
    return (await chat.messages(session_id))[-1].seq


async def test_a_piece_of_work_is_bounded(chat: RunningChat) -> None:
    said = await talk(chat, 1)
    for number in range(4):
        await chat.say(f"turn {number} " + "x" * 25_000, said.session_id)
    for expected in range(2, 11):
        due = await work(chat, said.session_id)
        assert due.covers_up_to == expected
        assert sum(len(message.text) for message in due.messages) <= SUMMARY_WORK_CHARS_MAX
        await chat.ask(summarised(chat, said.session_id, due, f"to {expected}"))
    assert (await work(chat, said.session_id)).messages == ()


async def test_nothing_is_left_of_a_deleted_session(chat: RunningChat) -> None:
    said = await talk(chat, 5)
    due = await work(chat, said.session_id)
    command = summarised(chat, said.session_id, due, "ten")
    await chat.ask(command)
    await chat.ask(DeleteSession(user_id=chat.user_id, session_id=said.session_id))
    sql = "select 1 from summaries where session_id = %(id)s"
    assert await fetch_all(chat.pool, sql, {"id": said.session_id}) == []
    for request in (
        command,
        GetSummaryWork(user_id=chat.user_id, session_id=said.session_id),
        GetSummaryWork(user_id=new_id(), session_id=said.session_id),
    ):
        with pytest.raises(SessionNotFound):
            await chat.ask(request)
