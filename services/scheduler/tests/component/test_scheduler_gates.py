"""Each gate with its line in the decision log, what opens it, and that none asks the model.

Guards `decide.py: _decide`, both of its looks at the gates: by what was heard, before chat is
asked, and by what chat itself says, before the model is.
"""

from datetime import timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from lingxi_chassis.postgres import execute
from lingxi_contracts.chat import SignalTyping
from lingxi_scheduler.projections.neighbours import remember_user
from lingxi_scheduler.projections.watches import Kept
from services.scheduler.tests.component.harness import (
    SETTLED_SECONDS_MAX,
    SILENCE,
    RunningScheduler,
)
from tests.fixtures.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

HOUR = timedelta(hours=1)
TRIES_LOOKED_AT_MAX = 10


async def asked(scheduler: RunningScheduler, about: str) -> int:
    """How often the model was asked whether to write, in the session that is about this: others of
    this module fall due meanwhile."""
    prompts = await scheduler.chat.model.prompts(about)
    return sum("`wait`" in prompt[0]["content"] for prompt in prompts)


async def test_off_waits_until_it_is_switched_on(scheduler: RunningScheduler) -> None:
    agent_id = await scheduler.chat.agent(proactive_behavior="off")
    session_id = await scheduler.talk(agent_id=agent_id, about="A lamp that is off.")
    before = await asked(scheduler, "A lamp that is off.")
    scheduler.clock.move(SILENCE)
    line = await scheduler.decided(session_id)
    assert (line.outcome, line.gate, line.next_at) == ("skipped", "off", None)
    assert (await scheduler.rested(session_id)).due_at is None
    assert await asked(scheduler, "A lamp that is off.") == before

    await scheduler.change(agent_id, parameters={"proactive_behavior": "balanced"})
    assert (await scheduler.decided(session_id, 2)).outcome == "sent"


async def test_off_is_what_the_log_says_after_a_long_absence_too(
    scheduler: RunningScheduler,
) -> None:
    agent_id = await scheduler.chat.agent(proactive_behavior="off")
    session_id = await scheduler.talk(agent_id=agent_id)
    scheduler.clock.move(9 * HOUR)
    assert (await scheduler.decided(session_id)).gate == "off"


async def test_unread_messages_set_no_timer(scheduler: RunningScheduler) -> None:
    agent_id = await scheduler.chat.agent()
    said = await scheduler.chat.say("Hello.", agent_id=agent_id)
    kept = await scheduler.heard(said.session_id)
    assert kept.watch.unread
    assert kept.due_at is None


async def test_unread_is_a_gate_where_the_watch_has_not_heard_of_it(
    scheduler: RunningScheduler,
) -> None:
    session_id = await scheduler.talk()
    chat = scheduler.chat
    unread = "state = jsonb_set(state, '{unread_count}', '1')"
    await execute(
        chat.pool, f"update streams set {unread} where stream_id = %(id)s", {"id": session_id}
    )
    scheduler.clock.move(SILENCE)
    assert (await scheduler.decided(session_id)).gate == "unread"
    assert (await scheduler.rested(session_id)).due_at is None


async def test_quiet_hours_put_it_off_until_they_end(scheduler: RunningScheduler) -> None:
    now = scheduler.clock.now()
    quiet = {"start": f"{now - HOUR:%H:%M}", "end": f"{now + HOUR:%H:%M}"}
    agent_id = await scheduler.chat.agent()
    await scheduler.talk(turns=1, agent_id=agent_id)
    await scheduler.change(agent_id, timings={"quiet_hours": quiet})
    session_id = await scheduler.talk(agent_id=agent_id, about="A quiet street.")
    before = await asked(scheduler, "A quiet street.")
    scheduler.clock.move(SILENCE)
    line = await scheduler.decided(session_id)
    assert (line.outcome, line.gate) == ("skipped", "quiet_hours")
    assert line.next_at is not None
    assert f"{line.next_at:%H:%M}" == quiet["end"]
    assert (await scheduler.rested(session_id)).due_at == line.next_at
    assert await asked(scheduler, "A quiet street.") == before

    scheduler.clock.move(HOUR)
    assert (await scheduler.decided(session_id, 2)).outcome == "sent"


async def test_a_full_day_puts_it_off_until_the_next(scheduler: RunningScheduler) -> None:
    user_id, now = scheduler.chat.user_id, scheduler.clock.now()
    noon_here = f"Etc/GMT{now.hour - 12:+d}"  # the sign says how far Greenwich is ahead
    await remember_user(scheduler.pool, user_id, noon_here, 1, now)
    agent_id = await scheduler.chat.agent(proactive_behavior="conservative")
    first = await scheduler.talk(agent_id=agent_id)
    scheduler.clock.move(SILENCE)
    assert (await scheduler.decided(first)).outcome == "sent"

    second = await scheduler.talk(agent_id=agent_id, about="A full day.")
    before = await asked(scheduler, "A full day.")
    scheduler.clock.move(SILENCE)
    line = await scheduler.decided(second)
    assert (line.outcome, line.gate) == ("skipped", "daily_cap")
    assert line.next_at is not None
    assert line.next_at > scheduler.clock.now()
    assert f"{line.next_at.astimezone(ZoneInfo(noon_here)):%H:%M}" == "00:00"
    assert await asked(scheduler, "A full day.") == before

    scheduler.clock.move(line.next_at - scheduler.clock.now())
    assert (await scheduler.decided(second, 2)).outcome == "sent"
    assert await scheduler.sent_today() == [1, 1]


async def test_the_day_of_one_agent_leaves_another_its_own(scheduler: RunningScheduler) -> None:
    cautious = {"proactive_behavior": "conservative"}
    agents = [await scheduler.chat.agent(name=name, **cautious) for name in ("Mo", "Ada")]
    sessions = [await scheduler.talk(agent_id=agent_id) for agent_id in (*agents, agents[0])]
    scheduler.clock.move(SILENCE)
    lines = [await scheduler.decided(session_id) for session_id in sessions]
    assert lines[1].outcome == "sent"
    assert {lines[0].gate, lines[2].gate} == {None, "daily_cap"}
    (full,) = [line.reason for line in lines if line.gate]
    assert full == "Today I have written first once, which is as often as I may."
    assert await scheduler.sent_today() == [2]


async def test_three_unanswered_messages_are_enough(scheduler: RunningScheduler) -> None:
    """Each is read, none answered: the waits grow, and after the third nothing comes."""
    agent_id = await scheduler.chat.agent(proactive_behavior="aggressive")
    session_id = await scheduler.talk(agent_id=agent_id, about="Three letters.")
    kept = await scheduler.heard(session_id)
    for number, back_off_hours in enumerate((1, 2, 4), 1):
        await until_due(scheduler, kept)
        assert (await scheduler.decided(session_id, number)).outcome == "sent"
        await scheduler.read(session_id)
        kept = await scheduler.heard(session_id)
        assert kept.watch.unanswered == number
        assert kept.watch.last_agent_at is not None
        assert kept.due_at == kept.watch.last_agent_at + back_off_hours * HOUR

    before = await asked(scheduler, "Three letters.")
    await until_due(scheduler, kept)
    line = await scheduler.decided(session_id, 4)
    assert (line.outcome, line.gate, line.next_at) == ("skipped", "unanswered", None)
    assert await asked(scheduler, "Three letters.") == before
    await scheduler.read(session_id)
    assert (await scheduler.rested(session_id)).due_at is None


async def until_due(scheduler: RunningScheduler, kept: Kept) -> None:
    """A moment after a session is due."""
    assert kept.due_at is not None
    scheduler.clock.move(kept.due_at - scheduler.clock.now() + timedelta(seconds=1))


async def test_too_few_messages_wait_for_more(scheduler: RunningScheduler) -> None:
    agent_id = await scheduler.chat.agent()
    session_id = await scheduler.talk(turns=1, agent_id=agent_id)
    assert (await scheduler.heard(session_id)).watch.newest_seq < 5
    scheduler.clock.move(SILENCE)
    line = await scheduler.decided(session_id)
    assert (line.outcome, line.gate, line.next_at) == ("skipped", "too_few_messages", None)
    assert (await scheduler.rested(session_id)).due_at is None


async def test_a_flagged_message_is_no_moment_for_talk(scheduler: RunningScheduler) -> None:
    session_id = await scheduler.talk()
    sql = "update watches set flagged_seq = last_user_seq where session_id = %(id)s"
    await execute(scheduler.pool, sql, {"id": session_id})
    scheduler.clock.move(SILENCE)
    line = await scheduler.decided(session_id)
    assert (line.outcome, line.gate, line.next_at) == ("skipped", "flagged", None)


async def test_an_open_turn_is_waited_for(scheduler: RunningScheduler) -> None:
    session_id = await scheduler.talk()
    await scheduler.chat.model.fault("hang", contains="answer me", times=1, seconds=600)
    await scheduler.chat.ask(scheduler.chat.post("answer me", session_id))
    kept = await scheduler.heard(session_id)
    assert kept.watch.turn_open
    assert kept.due_at is None
    await unheard(scheduler, session_id, "turn_open = false")
    scheduler.clock.move(SILENCE)
    assert (await scheduler.decided(session_id)).gate == "turn_open"
    assert (await scheduler.rested(session_id)).due_at is None


async def unheard(scheduler: RunningScheduler, session_id: UUID, facts: str) -> None:
    """The watch as if something had not been heard of; it is due as soon as silence allows."""
    due = "due_at = greatest(last_user_at, last_agent_at) + interval '5 minutes'"
    sql = f"update watches set {facts}, {due} where session_id = %(id)s"
    assert await execute(scheduler.pool, sql, {"id": session_id})


async def test_a_user_who_types_is_not_interrupted(scheduler: RunningScheduler) -> None:
    session_id = await scheduler.talk()
    typing = SignalTyping(user_id=scheduler.chat.user_id, session_id=session_id)
    await scheduler.chat.ask(typing)
    scheduler.clock.move(SILENCE)
    line = await scheduler.decided(session_id)
    assert (line.outcome, line.gate) == ("skipped", "typing")
    assert line.next_at is not None
    assert line.next_at - scheduler.clock.now() < timedelta(minutes=1)


async def test_the_model_may_wait_and_is_not_asked_again(scheduler: RunningScheduler) -> None:
    session_id = await scheduler.talk(turns=2, about="A long wait.")
    await scheduler.chat.say("Good night!", session_id)
    await scheduler.read(session_id)
    await scheduler.heard(session_id)
    before = await asked(scheduler, "A long wait.")
    scheduler.clock.move(SILENCE)
    line = await scheduler.decided(session_id)
    assert (line.outcome, line.gate, line.next_at) == ("skipped", "model", None)
    assert line.reason
    assert await asked(scheduler, "A long wait.") == before + 1
    assert (await scheduler.rested(session_id)).due_at is None
    another = await scheduler.talk(agent_id=await scheduler.chat.agent(name="Ada"))
    scheduler.clock.move(timedelta(days=2))
    await scheduler.read(session_id)
    await scheduler.decided(another)  # whatever was due has been looked at
    assert len(await scheduler.decisions(session_id)) == 1


BAD_ANSWERS = (
    '{"decision": "continue", "text": "", "reason": "because"}',
    '{"decision": "shout", "text": "HELLO", "reason": "because"}',
    '["continue"]',
    "I think I should write: hello!",
)


@pytest.mark.parametrize("answer", BAD_ANSWERS)
async def test_answers_that_are_none_are_asked_for_so_often_and_never_sent(
    scheduler: RunningScheduler, answer: str
) -> None:
    session_id = await scheduler.talk()
    await scheduler.chat.model.fault("raw", contains="companion: ", content=answer)
    await until_decided(scheduler, session_id)
    line = await scheduler.decided(session_id)
    assert (line.outcome, line.gate) == ("skipped", "model")
    assert await scheduler.written_first(session_id) == []
    assert (await scheduler.rested(session_id)).due_at is None


async def until_decided(scheduler: RunningScheduler, session_id: UUID) -> None:
    """Let time pass after each look that failed, until something is decided."""
    for failed in range(TRIES_LOOKED_AT_MAX):
        scheduler.clock.move(SILENCE)

        async def looked_at(failed: int = failed) -> bool:
            kept = await scheduler.rested(session_id)
            return kept.watch.tries > failed or bool(await scheduler.decisions(session_id))

        await eventually(looked_at, SETTLED_SECONDS_MAX)
        if await scheduler.decisions(session_id):
            return
    raise AssertionError("nothing was decided")
