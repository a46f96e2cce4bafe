"""What the agent says by itself: once, not when it is not to be said, and what it changes."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from lingxi_chassis.clock import utc_now
from lingxi_chassis.ids import new_id
from lingxi_contracts.chat import (
    DeleteSession,
    EditMessage,
    GetProactiveWork,
    ProactiveWork,
    ReadMessages,
    SendProactive,
    SignalTyping,
)
from lingxi_contracts.errors import (
    ProactiveExpired,
    ProactiveOutdated,
    SessionNotFound,
    TurnOpen,
    UnreadMessages,
)
from services.chat.tests.component.harness import RunningChat
from tests.fixtures.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def talked(chat: RunningChat) -> UUID:
    """A session of one message and its answer, read."""
    await chat.model.fault("raw", contains="Hello", content="One bubble.")
    said = await chat.say("Hello.")
    await chat.ask(ReadMessages(user_id=chat.user_id, session_id=said.session_id, up_to=None))
    return said.session_id


def decided(chat: RunningChat, session_id: UUID, **fields: Any) -> SendProactive:
    values: dict[str, Any] = {
        "user_id": chat.user_id,
        "session_id": session_id,
        "decision_id": new_id(),
        "text": "How did it go?",
        "based_on_user_seq": 1,
        "expires_at": utc_now() + timedelta(minutes=5),
    }
    return SendProactive.model_validate(values | fields)


async def work(chat: RunningChat, session_id: UUID) -> ProactiveWork:
    return await chat.ask(GetProactiveWork(user_id=chat.user_id, session_id=session_id))


async def test_it_is_said_once_and_is_no_activity_of_the_session(chat: RunningChat) -> None:
    session_id = await talked(chat)
    before = await chat.session(session_id)
    command = decided(chat, session_id)
    sent = await chat.ask(command)
    late = command.model_copy(update={"expires_at": utc_now() - timedelta(days=1)})
    assert await chat.ask(command) == await chat.ask(late) == sent
    assert (await chat.logged(session_id)).count("message_sent") == 2

    newest = (await chat.messages(session_id))[-1]
    assert (newest.message_id, newest.seq, newest.proactive) == (sent.message_id, 3, True)
    assert (newest.author, newest.turn_id, newest.text) == ("agent", None, "How did it go?")
    after = await chat.session(session_id)
    assert after.last_activity_at == before.last_activity_at
    assert (after.unread_count, after.first_unread_id) == (1, sent.message_id)
    said = await chat.say("Hello, well.", session_id)
    assert said.answer is not None
    assert [message.proactive for message in said.answer.messages] == [False]
    prompt = (await chat.model.prompts("Hello, well."))[0]
    assert "How did it go?" in prompt[-2]["content"]


async def test_it_is_not_said_when_something_speaks_against_it(chat: RunningChat) -> None:
    session_id = await talked(chat)
    with pytest.raises(ProactiveExpired):
        await chat.ask(decided(chat, session_id, expires_at=utc_now()))
    with pytest.raises(ProactiveOutdated):
        await chat.ask(decided(chat, session_id, based_on_user_seq=0))
    with pytest.raises(SessionNotFound):
        await chat.ask(decided(chat, session_id, user_id=new_id()))
    await chat.ask(decided(chat, session_id))
    with pytest.raises(UnreadMessages):
        await chat.ask(decided(chat, session_id))
    await chat.model.fault("hang", contains="slowly", times=1)
    posted = await chat.ask(chat.post("slowly", session_id))
    assert (await work(chat, session_id)).turn_open
    with pytest.raises(TurnOpen):
        await chat.ask(decided(chat, session_id, based_on_user_seq=4))
    await chat.model.heal()
    await chat.outcome(posted)
    await chat.ask(DeleteSession(user_id=chat.user_id, session_id=session_id))
    for request in (
        decided(chat, session_id),
        GetProactiveWork(user_id=chat.user_id, session_id=session_id),
    ):
        with pytest.raises(SessionNotFound):
            await chat.ask(request)


async def test_how_a_session_stands(chat: RunningChat) -> None:
    session_id = await talked(chat)
    stands = await work(chat, session_id)
    assert (stands.message_count, stands.unread_count, stands.newest_user_seq) == (2, 0, 1)
    assert not (stands.turn_open)
    assert not (stands.typing)
    assert not (stands.flagged)
    assert [message.seq for message in stands.messages] == [1, 2]
    await chat.ask(SignalTyping(user_id=chat.user_id, session_id=session_id))

    async def typing() -> bool:
        return (await work(chat, session_id)).typing

    await eventually(typing)


async def test_it_goes_with_the_message_that_it_followed(chat: RunningChat) -> None:
    """It was said upon what is unsaid now: an edit supersedes all that followed."""
    session_id = await talked(chat)
    await chat.ask(decided(chat, session_id))
    posted, _, by_itself = await chat.messages(session_id)
    assert by_itself.proactive
    edit = EditMessage(
        user_id=chat.user_id,
        session_id=session_id,
        message_id=posted.message_id,
        new_message_id=new_id(),
        turn_id=new_id(),
        text="Another thing.",
    )
    await chat.ask(edit)
    await chat.outcome(chat.post(edit.text, session_id, message_id=edit.new_message_id))

    assert (await chat.messages(session_id))[0].message_id == edit.new_message_id
    shown = await chat.messages(session_id, superseded=True)
    assert [one.superseded_by for one in shown[:3]] == [edit.turn_id] * 3
    session = await chat.session(session_id)
    assert session.unread_count == sum(one.author == "agent" and not one.read for one in shown[3:])
