"""An agent writes first: after a silence, once, and the conversation goes on from there."""

from datetime import timedelta

import pytest

from lingxi_contracts.identity import decision_id, proactive_message_id
from services.scheduler.tests.component.harness import SILENCE, RunningScheduler

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_after_a_silence_the_agent_writes_once_and_says_why(
    scheduler: RunningScheduler,
) -> None:
    session_id = await scheduler.talk()
    before = await scheduler.heard(session_id)
    assert before.due_at is not None
    assert await scheduler.decisions(session_id) == []

    scheduler.clock.move(SILENCE)
    line = await scheduler.decided(session_id)
    assert (line.outcome, line.gate) == ("sent", None)
    assert line.reason
    assert line.decision_id == decision_id(session_id, before.watch.newest_seq)
    assert line.message_id == proactive_message_id(line.decision_id)
    (message,) = await scheduler.written_first(session_id)
    assert message.message_id == line.message_id
    assert message.text
    assert not message.read
    assert await scheduler.sent_today() == [1]

    # It is not read yet: nothing is due, however long that lasts.
    assert (await scheduler.heard(session_id)).due_at is None
    another = await scheduler.talk(agent_id=await scheduler.chat.agent(name="Ada"))
    scheduler.clock.move(timedelta(days=3))
    await scheduler.decided(another)  # whatever was due has been looked at
    await scheduler.decided(session_id)


async def test_the_conversation_goes_on_after_it(scheduler: RunningScheduler) -> None:
    session_id = await scheduler.talk()
    scheduler.clock.move(SILENCE)
    await scheduler.decided(session_id)
    answered = await scheduler.chat.say("Oh, hello! You wrote first.", session_id)
    assert answered.status == "answered"
    (prompt,) = await scheduler.chat.model.prompts("You wrote first.")
    (message,) = await scheduler.written_first(session_id)
    assert message.text in prompt[-2]["content"]
    assert message.read or (await scheduler.chat.session(session_id)).unread_count <= 2

    await scheduler.read(session_id)
    kept = await scheduler.heard(session_id)
    assert kept.watch.unanswered == 0
    assert kept.due_at is not None


async def test_the_model_is_told_who_it_is_and_what_was_said(scheduler: RunningScheduler) -> None:
    session_id = await scheduler.talk()
    scheduler.clock.move(SILENCE)
    await scheduler.decided(session_id)
    task, transcript = (await scheduler.chat.model.prompts("Message 3."))[-1]
    assert task["content"].startswith("You are a gardener.")
    assert "`wait`" in task["content"]
    assert transcript["role"] == "user"
    lines = transcript["content"].splitlines()
    assert lines[0] == "user: My name is Ann. Message 1."
    assert lines[-1].startswith("companion: ")
