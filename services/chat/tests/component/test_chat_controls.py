"""Stop, retry, regenerate and edit: their outcome, twice, at once, and while the worker dies."""

import asyncio
from collections.abc import Generator
from typing import Any
from uuid import UUID

import pytest

from lingxi_chassis.ids import new_id
from lingxi_chassis.postgres import execute
from lingxi_chat.application import turn_workers
from lingxi_contracts.chat import (
    EditMessage,
    PostedMessage,
    ReadMessages,
    RegenerateTurn,
    RetryTurn,
    StopTurn,
)
from lingxi_contracts.errors import (
    MessageNotFound,
    NothingToRegenerate,
    NothingToRetry,
    NotNewestMessage,
    SessionNotFound,
    TurnOpen,
)
from services.chat.tests.component.harness import RunningChat
from services.chat.tests.component.live import watching
from tests.fixtures.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module")
def settings_of_module() -> Generator[dict[str, Any]]:
    """The running chat looks at the queue when it is nudged: tests say who claims what."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(turn_workers, "SWEEP_SECONDS", 3600.0)
        yield {}


def stop(chat: RunningChat, session_id: UUID) -> StopTurn:
    return StopTurn(user_id=chat.user_id, session_id=session_id)


def regenerate(chat: RunningChat, session_id: UUID) -> RegenerateTurn:
    return RegenerateTurn(user_id=chat.user_id, session_id=session_id, turn_id=new_id())


def edit(chat: RunningChat, said: PostedMessage, text: str) -> EditMessage:
    return EditMessage(
        user_id=chat.user_id,
        session_id=said.session_id,
        message_id=said.message_id,
        new_message_id=new_id(),
        turn_id=new_id(),
        text=text,
    )


async def ended(chat: RunningChat, session_id: UUID) -> None:
    async def over() -> bool:
        return await chat.work(session_id) is None

    await eventually(over)


async def test_what_was_said_by_the_stop_is_kept(chat: RunningChat) -> None:
    first = await chat.say("Hello.")
    await chat.model.fault("hang", contains="stop me", after_chunks=3, times=1)
    async with watching(chat, first.session_id) as watched:
        posted = await chat.ask(chat.post("stop me, please", first.session_id))
        await eventually(lambda: bool(watched.deltas))
        stopping = await asyncio.gather(*(chat.ask(stop(chat, first.session_id)) for _ in range(3)))
        outcome = await chat.outcome(posted)

    # Whichever came first; the turn may have ended before the others.
    told = {one.turn_id for one in stopping}
    assert posted.turn_id in told
    assert told <= {posted.turn_id, None}
    assert outcome.status == "answered"
    assert outcome.answer is not None
    assert watched.shown(posted.turn_id) == tuple(m.text for m in outcome.answer.messages)
    (name, stopped) = (await chat.events(first.session_id))[-1]
    assert name == "turn_stopped"
    assert stopped["message_ids"] == [str(m.message_id) for m in outcome.answer.messages]
    assert (await chat.session(first.session_id)).turn is None
    assert (await chat.ask(stop(chat, first.session_id))).turn_id is None


async def test_a_stop_before_a_word_can_be_tried_again(chat: RunningChat) -> None:
    await chat.model.fault("hang", contains="say nothing", times=1)
    posted = await chat.ask(chat.post("say nothing"))
    await chat.model.asked("say nothing")
    await chat.ask(stop(chat, posted.session_id))
    outcome = await chat.outcome(posted)

    assert outcome.failure is not None
    assert (outcome.failure.code, outcome.failure.retryable) == ("stopped", True)
    session = await chat.session(posted.session_id)
    assert session.turn is not None
    assert (session.turn.status, session.turn.code) == ("failed", "stopped")
    again = RetryTurn(user_id=chat.user_id, session_id=posted.session_id, turn_id=new_id())
    await asyncio.gather(*(chat.ask(again) for _ in range(3)))
    assert (await chat.outcome(posted)).status == "answered"
    assert (await chat.logged(posted.session_id)).count("turn_started") == 2


async def test_a_stop_outlives_the_worker(chat: RunningChat) -> None:
    """The process that held the turn is no more; whoever claims it next says nothing."""
    await chat.model.fault("hang", contains="widow", times=1)
    posted = await chat.ask(chat.post("widow"))
    await chat.model.asked("widow")
    await execute(
        chat.pool,
        "update turn_work set claim_id = %(dead)s, stop_requested = true,"
        " lease_until = now() - interval '1 second' where session_id = %(id)s",
        {"dead": new_id(), "id": posted.session_id},
    )
    stopping = await chat.ask(stop(chat, posted.session_id))

    assert stopping.turn_id == posted.turn_id
    outcome = await chat.outcome(posted)
    assert outcome.failure is not None
    assert outcome.failure.code == "stopped"
    assert len(await chat.model.prompts("widow")) == 1
    assert (await chat.logged(posted.session_id)).count("turn_stopped") == 1


async def test_another_replicas_turn_is_stopped_at_its_next_renewal(
    chat: RunningChat, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It does not hear the nudge: the other worker here has no ear for it."""
    from lingxi_chat.application import answer_turn

    await chat.model.fault("hang", contains="far away", times=2)
    posted = await chat.ask(chat.post("far away"))
    await chat.model.asked("far away")
    # From here on: the first holder is not to renew what expires now.
    monkeypatch.setattr(answer_turn, "RENEW_SECONDS", 0.05)
    await chat.expire_lease(posted.session_id)
    async with chat.another_worker() as worker:
        await worker.take_waiting()
        await chat.model.asked("far away", times=2)
        await chat.ask(stop(chat, posted.session_id))
        outcome = await chat.outcome(posted)
    assert outcome.failure is not None
    assert outcome.failure.code == "stopped"


async def test_what_came_during_a_stopped_turn_is_answered(chat: RunningChat) -> None:
    await chat.model.fault("hang", contains="rambling", times=1)
    posted = await chat.ask(chat.post("rambling"))
    await chat.model.asked("rambling")
    later = await chat.ask(chat.post("and this?", posted.session_id))
    await chat.ask(stop(chat, posted.session_id))

    assert (await chat.outcome(later)).status == "answered"


async def test_another_answer_takes_the_place_of_the_first(chat: RunningChat) -> None:
    await chat.model.fault("raw", contains="which", content="First.\n<next>\nAnswer.", times=1)
    await chat.model.fault("raw", contains="which", content="Second.", times=1)
    said = await chat.say("which")
    again = regenerate(chat, said.session_id)
    await asyncio.gather(*(chat.ask(again) for _ in range(3)))
    await ended(chat, said.session_id)
    assert (await chat.ask(again)).turn_id == again.turn_id

    messages = await chat.messages(said.session_id)
    assert [m.text for m in messages] == ["which", "Second."]
    shown = await chat.messages(said.session_id, superseded=True)
    assert [(m.text, m.superseded_by) for m in shown] == [
        ("which", None),
        ("First.", again.turn_id),
        ("Answer.", again.turn_id),
        ("Second.", None),
    ]
    names = (await chat.logged(said.session_id))[-4:]
    assert names == ["turn_started", "messages_superseded", "message_sent", "turn_completed"]
    _, prompt = await chat.model.prompts("which")
    assert [m["content"] for m in prompt[1:]] == ["which"]
    session = await chat.session(said.session_id)
    assert (session.unread_count, session.message_count) == (1, 2)
    assert session.first_unread_id == messages[-1].message_id
    assert session.last_message == messages[-1]
    outcome = await chat.outcome(said)
    assert outcome.answer is not None
    assert outcome.turn_id == again.turn_id
    assert [m.text for m in outcome.answer.messages] == ["Second."]


async def test_the_old_answer_stands_while_the_other_fails(chat: RunningChat) -> None:
    said = await chat.say("steady")
    before = await chat.messages(said.session_id)
    await chat.model.fault("refuse", contains="steady", times=1)
    await chat.ask(regenerate(chat, said.session_id))
    await ended(chat, said.session_id)

    assert await chat.messages(said.session_id) == before
    assert (await chat.outcome(said)).status == "answered"
    again = RetryTurn(user_id=chat.user_id, session_id=said.session_id, turn_id=new_id())
    await chat.ask(again)
    await ended(chat, said.session_id)
    after = await chat.messages(said.session_id)
    assert after[0] == before[0].model_copy(update={"turn_id": again.turn_id})
    assert after[1:]
    assert {m.turn_id for m in after[1:]} == {again.turn_id}


async def test_other_words_take_the_message_and_its_answer_along(chat: RunningChat) -> None:
    said = await chat.say("wrods")
    read = ReadMessages(user_id=chat.user_id, session_id=said.session_id, up_to=None)
    await chat.ask(read)
    command = edit(chat, said, "words")
    await asyncio.gather(*(chat.ask(command) for _ in range(3)))
    await ended(chat, said.session_id)
    assert (await chat.ask(command)).turn_id == command.turn_id

    messages = await chat.messages(said.session_id)
    assert messages[0].text == "words"
    assert messages[0].message_id == command.new_message_id
    hidden = [m for m in await chat.messages(said.session_id, superseded=True) if m.superseded_by]
    assert {m.superseded_by for m in hidden} == {command.turn_id}
    assert hidden[0].text == "wrods"
    (prompt,) = await chat.model.prompts("words")
    assert [m["content"] for m in prompt[1:]] == ["words"]
    session = await chat.session(said.session_id)
    assert session.message_count == len(messages)
    assert session.unread_count == len(messages) - 1
    with pytest.raises(NotNewestMessage):
        await chat.ask(edit(chat, said, "again"))


async def test_a_message_that_failed_is_edited(chat: RunningChat) -> None:
    await chat.model.fault("refuse", contains="forbidden", times=1)
    said = await chat.say("forbidden")
    assert said.status == "failed"
    command = edit(chat, said, "allowed")
    await chat.ask(command)
    await ended(chat, said.session_id)

    assert (await chat.messages(said.session_id))[0].text == "allowed"
    assert (await chat.outcome(said)).status == "failed"
    (prompt,) = await chat.model.prompts("allowed")
    assert len(prompt) == 2


async def test_controls_are_refused_where_they_do_not_fit(chat: RunningChat) -> None:
    said = await chat.say("first")
    await chat.say("second", said.session_id)
    agents = (await chat.messages(said.session_id))[-1]
    with pytest.raises(NotNewestMessage):
        await chat.ask(edit(chat, said, "no"))
    with pytest.raises(NotNewestMessage):
        await chat.ask(edit(chat, said, "no").model_copy(update={"message_id": agents.message_id}))
    with pytest.raises(MessageNotFound):
        await chat.ask(edit(chat, said, "no").model_copy(update={"message_id": new_id()}))
    with pytest.raises(NothingToRetry):
        await chat.ask(
            RetryTurn(user_id=chat.user_id, session_id=said.session_id, turn_id=new_id())
        )
    await chat.model.fault("hang", contains="third", times=1)
    third = await chat.ask(chat.post("third", said.session_id))
    await chat.model.asked("third")
    for command in (regenerate(chat, said.session_id), edit(chat, third, "no")):
        with pytest.raises(TurnOpen):
            await chat.ask(command)
    await chat.ask(stop(chat, said.session_id))
    await chat.outcome(third)
    with pytest.raises(NothingToRegenerate):
        await chat.ask(regenerate(chat, said.session_id))
    for foreign in (stop(chat, new_id()), regenerate(chat, new_id())):
        with pytest.raises(SessionNotFound):
            await chat.ask(foreign)


async def test_two_controls_at_once_start_one_turn(chat: RunningChat) -> None:
    said = await chat.say("at once")
    await chat.model.fault("hang")  # so that none ends before the others decide
    results = await asyncio.gather(
        chat.ask(regenerate(chat, said.session_id)),
        chat.ask(regenerate(chat, said.session_id)),
        chat.ask(edit(chat, said, "edited")),
        return_exceptions=True,
    )
    await chat.model.heal()
    await ended(chat, said.session_id)

    refused = [one for one in results if isinstance(one, BaseException)]
    assert len(refused) == 2
    assert all(isinstance(one, TurnOpen) for one in refused)
    assert (await chat.logged(said.session_id)).count("turn_started") == 2
