"""Mine only: another user's session, message or agent is answered exactly as an unknown one."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from lingxi_chassis.ids import new_id
from lingxi_contracts.chat import (
    DeleteSession,
    GetAnswer,
    GetHistory,
    GetSession,
    ListMessages,
    ListSessions,
    PostMessage,
    ReadMessages,
    RenameSession,
    RetryTurn,
    StartSession,
)
from lingxi_contracts.errors import AgentNotFound, MessageNotFound, Refusal, SessionNotFound
from services.chat.tests.component.harness import RunningChat

pytestmark = pytest.mark.asyncio(loop_scope="module")

type Asking = Callable[[UUID, UUID, UUID], Any]

REQUESTS: dict[str, Asking] = {
    "post_message": lambda user, session, _: PostMessage(
        user_id=user, session_id=session, message_id=new_id(), text="x", request_hash="h"
    ),
    "post_first_message": lambda user, session, _: PostMessage(
        user_id=user,
        session_id=session,
        message_id=new_id(),
        text="x",
        request_hash="h",
        create_session=True,
        agent_id=new_id(),
    ),
    "get_answer": lambda user, session, message: GetAnswer(
        user_id=user, session_id=session, message_id=message
    ),
    "get_session": lambda user, session, _: GetSession(user_id=user, session_id=session),
    "list_messages": lambda user, session, _: ListMessages(user_id=user, session_id=session),
    "read_all": lambda user, session, _: ReadMessages(user_id=user, session_id=session, up_to=None),
    "read_messages": lambda user, session, message: ReadMessages(
        user_id=user, session_id=session, up_to=message
    ),
    "rename_session": lambda user, session, _: RenameSession(
        user_id=user, session_id=session, title="x"
    ),
    "delete_session": lambda user, session, _: DeleteSession(user_id=user, session_id=session),
    "retry_turn": lambda user, session, _: RetryTurn(
        user_id=user, session_id=session, turn_id=new_id()
    ),
}


@pytest.mark.parametrize("name", REQUESTS)
async def test_a_foreign_session_is_as_unknown_as_one_that_never_was(
    chat: RunningChat, name: str
) -> None:
    """Guards `EventLog.load`, which asks for the user too."""
    mine = await chat.say("Mine.")
    before = await chat.events(mine.session_id)
    stranger = new_id()
    refusals: list[type[Refusal]] = []
    for session_id in (mine.session_id, new_id()):
        with pytest.raises(Refusal) as refused:
            await chat.ask(REQUESTS[name](stranger, session_id, mine.message_id))
        refusals.append(refused.type)
        assert refused.value.facts == {}

    # Making a session under an id that is taken is told as such; with a fresh one the agent lacks.
    expected = [SessionNotFound, AgentNotFound if "first" in name else SessionNotFound]
    assert refusals == expected
    assert await chat.events(mine.session_id) == before


@pytest.mark.parametrize("name", ["get_answer", "read_messages"])
async def test_a_message_of_elsewhere_is_not_found(chat: RunningChat, name: str) -> None:
    mine = await chat.say("Mine.")
    elsewhere = await chat.say("Elsewhere.")

    for message_id in (elsewhere.message_id, new_id()):
        with pytest.raises(MessageNotFound):
            await chat.ask(REQUESTS[name](chat.user_id, mine.session_id, message_id))


async def test_an_answer_is_asked_for_by_what_the_user_posted(chat: RunningChat) -> None:
    mine = await chat.say("Mine.")
    assert mine.answer is not None
    with pytest.raises(MessageNotFound):
        await chat.ask(
            GetAnswer(
                user_id=chat.user_id,
                session_id=mine.session_id,
                message_id=mine.answer.messages[0].message_id,
            )
        )


async def test_lists_hold_ones_own_alone(chat: RunningChat) -> None:
    await chat.say("Mine.")
    stranger = new_id()

    listed = await chat.ask(ListSessions(user_id=stranger, offset=0, limit=10))
    assert (listed.count, listed.results) == (0, ())
    assert (await chat.ask(GetHistory(user_id=stranger, limit=10))).results == ()


async def test_sessions_start_with_ones_own_agents_alone(chat: RunningChat) -> None:
    agent_id = await chat.agent()
    for user_id, asked in ((new_id(), agent_id), (chat.user_id, new_id())):
        with pytest.raises(AgentNotFound):
            await chat.ask(StartSession(user_id=user_id, session_id=new_id(), agent_id=asked))


async def test_starting_a_session_again_answers_the_same(chat: RunningChat) -> None:
    command = StartSession(user_id=chat.user_id, session_id=new_id(), agent_id=None)
    first = await chat.ask(command)

    assert await chat.ask(command) == first
    assert (first.message_count, first.turn, first.last_message) == (0, None, None)
    with pytest.raises(SessionNotFound):
        await chat.ask(command.model_copy(update={"user_id": new_id()}))
    await chat.ask(DeleteSession(user_id=chat.user_id, session_id=command.session_id))
    with pytest.raises(SessionNotFound):
        await chat.ask(command)


async def test_two_users_may_use_the_same_message_id(chat: RunningChat) -> None:
    """Ids derive from the user, but nothing depends on it: each has their own answer."""
    mine = await chat.say("Mine.")
    stranger = new_id()
    theirs = PostMessage(
        user_id=stranger,
        session_id=new_id(),
        message_id=mine.message_id,
        text="Theirs.",
        request_hash="other",
        create_session=True,
    )
    await chat.ask(theirs)
    other = RunningChat(chat.rpc, chat.nats, chat.pool, chat.settings, chat.model, stranger)

    assert (await other.outcome(theirs)).status == "answered"
    assert await chat.outcome(mine) == mine
