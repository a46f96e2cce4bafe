"""Turns, end to end through chat: post, model, outcome."""

from lingxi_chassis.ids import new_id
from lingxi_contracts.chat import GetSession, ListMessages

from .conftest import RunningChat


async def test_a_message_is_answered_in_a_new_session(chat: RunningChat) -> None:
    said = await chat.say("Hello, my name is Ada.")

    assert said.status == "answered"
    assert said.answer is not None
    page = await chat.ask(ListMessages(user_id=chat.user_id, session_id=said.session_id))
    assert [message.author for message in page.results][:2] == ["user", "agent"]
    assert page.results[0].text == "Hello, my name is Ada."
    assert page.results[0].read
    assert [message.message_id for message in page.results[1:]] == [
        message.message_id for message in said.answer.messages
    ]
    session = await chat.ask(GetSession(user_id=chat.user_id, session_id=said.session_id))
    assert session.turn is None
    assert session.unread_count == len(said.answer.messages)
    assert session.agent_name == "default"


async def test_a_repeat_is_recorded_once(chat: RunningChat) -> None:
    post = chat.post("Once, please.")
    first = await chat.outcome(await chat.ask(post))
    again = await chat.ask(post)

    assert again == first
    page = await chat.ask(ListMessages(user_id=chat.user_id, session_id=post.session_id))
    assert [message.text for message in page.results if message.author == "user"] == [
        "Once, please."
    ]


async def test_an_unknown_session_is_not_found(chat: RunningChat) -> None:
    said = await chat.say("Hello.")
    following = await chat.say("And again.", said.session_id)
    assert following.session_id == said.session_id
    assert following.turn_id != said.turn_id
    assert new_id() != said.session_id
