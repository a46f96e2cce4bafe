"""What may happen between a decision and its sending, and to a sending itself.

Guards `claim_due.py: LookAtSession`: a recorded decision is sent again, not made again.
"""

import asyncio
from collections.abc import AsyncGenerator
from datetime import timedelta

import pytest
import pytest_asyncio

from lingxi_chassis.postgres import fetch_all
from lingxi_contracts.chat import DeleteSession, GetProactiveWork, SignalTyping
from lingxi_contracts.errors import (
    ProactiveExpired,
    ProactiveOutdated,
    Refusal,
    SessionNotFound,
)
from lingxi_contracts.scheduler import DecisionView
from lingxi_scheduler.projections.watches import find_watch
from services.scheduler.tests.component.by_hand import ByHand, by_hand, pending
from services.scheduler.tests.component.harness import RunningScheduler
from tests.fixtures.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

HOUR = timedelta(hours=1)


@pytest_asyncio.fixture(loop_scope="module")
async def hands(scheduler: RunningScheduler) -> AsyncGenerator[ByHand]:
    async with by_hand(scheduler) as hands:
        yield hands


def message_of(refusal: type[Refusal]) -> str:
    return refusal().message


def told(line: DecisionView) -> tuple[str, str]:
    return line.outcome, line.reason


async def test_a_user_who_writes_meanwhile_is_not_talked_over(
    scheduler: RunningScheduler, hands: ByHand
) -> None:
    session_id = await scheduler.talk()
    look = await hands.decided(session_id)
    assert await scheduler.decisions(session_id) == []
    assert await scheduler.sent_today() == [1]
    await scheduler.chat.say("I am here!", session_id)
    await scheduler.read(session_id)
    await scheduler.heard(session_id)

    await hands.send(look)
    line = await scheduler.decided(session_id)
    assert told(line) == ("skipped", message_of(ProactiveOutdated))
    assert await scheduler.written_first(session_id) == []
    assert await scheduler.sent_today() == [0]
    kept = await scheduler.rested(session_id)
    assert kept.watch.newest_seq > kept.watch.decided_seq
    assert kept.due_at is not None


async def test_a_user_who_reads_meanwhile_gets_it(
    scheduler: RunningScheduler, hands: ByHand
) -> None:
    session_id = await scheduler.talk()
    look = await hands.decided(session_id)
    await scheduler.read(session_id)
    await hands.send(look)
    assert (await scheduler.decided(session_id)).outcome == "sent"


async def test_a_user_who_types_meanwhile_is_waited_for(
    scheduler: RunningScheduler, hands: ByHand
) -> None:
    session_id = await scheduler.talk()
    look = await hands.decided(session_id)
    ids = {"user_id": scheduler.chat.user_id, "session_id": session_id}
    await scheduler.chat.ask(SignalTyping(**ids))
    await hands.send(look)
    assert await scheduler.decisions(session_id) == []
    kept = await find_watch(scheduler.pool, session_id)
    assert kept is not None
    assert kept.watch.sending == pending(look).decision_id
    assert kept.due_at is not None
    assert timedelta() < kept.due_at - hands.clock.now() < timedelta(minutes=1)

    async def typed() -> bool:
        return not (await scheduler.chat.ask(GetProactiveWork(**ids))).typing

    await eventually(typed)
    hands.clock.move(timedelta(minutes=1))
    await hands.look_at(await hands.claim(session_id))
    assert (await scheduler.decided(session_id)).outcome == "sent"
    (message,) = await scheduler.written_first(session_id)
    assert message.text == pending(look).text


async def test_of_a_session_that_is_deleted_meanwhile_nothing_is_left(
    scheduler: RunningScheduler, hands: ByHand
) -> None:
    session_id = await scheduler.talk()
    look = await hands.decided(session_id)
    command = DeleteSession(user_id=scheduler.chat.user_id, session_id=session_id)
    await scheduler.chat.ask(command)
    await hands.send(look)

    async def over() -> bool:
        kept = await find_watch(scheduler.pool, session_id)
        return kept is not None and kept.watch.ended

    await eventually(over)
    assert await scheduler.decisions(session_id) == []

    async def freed() -> bool:
        return await scheduler.sent_today() == [0]

    await eventually(freed)
    rows = "select 1 from decisions where session_id = %(id)s"
    assert await fetch_all(scheduler.pool, rows, {"id": session_id}) == []
    with pytest.raises(SessionNotFound):
        await scheduler.chat.session(session_id)


async def test_a_user_who_switches_it_off_meanwhile_gets_nothing(
    scheduler: RunningScheduler, hands: ByHand
) -> None:
    agent_id = await scheduler.chat.agent()
    session_id = await scheduler.talk(agent_id=agent_id)
    look = await hands.decided(session_id)
    await scheduler.change(agent_id, parameters={"proactive_behavior": "off"})
    await hands.send(look)
    line = await scheduler.decided(session_id)
    assert line.outcome == "skipped"
    assert "switched off" in line.reason
    assert await scheduler.written_first(session_id) == []
    assert await scheduler.sent_today() == [0]


async def test_quiet_hours_that_begin_meanwhile_are_kept(
    scheduler: RunningScheduler, hands: ByHand
) -> None:
    agent_id = await scheduler.chat.agent()
    session_id = await scheduler.talk(agent_id=agent_id)
    look = await hands.decided(session_id)
    now = hands.clock.now()
    quiet = {"start": f"{now - HOUR:%H:%M}", "end": f"{now + HOUR:%H:%M}"}
    await scheduler.change(agent_id, timings={"quiet_hours": quiet})
    await hands.send(look)
    assert told(await scheduler.decided(session_id))[0] == "skipped"
    assert await scheduler.written_first(session_id) == []


async def test_what_was_decided_long_ago_is_dropped_and_said(
    scheduler: RunningScheduler, hands: ByHand
) -> None:
    session_id = await scheduler.talk()
    await hands.decided(session_id)
    await hands.expire_lease(session_id)
    hands.clock.move(timedelta(minutes=11))
    await hands.look_at(await hands.claim(session_id))
    line = await scheduler.decided(session_id)
    assert told(line) == ("expired", message_of(ProactiveExpired))
    assert await scheduler.written_first(session_id) == []
    assert await scheduler.sent_today() == [0]
    assert (await scheduler.rested(session_id)).due_at is None


async def test_a_lost_answer_of_chats_is_no_second_message_however_late(
    scheduler: RunningScheduler, hands: ByHand
) -> None:
    session_id = await scheduler.talk()
    look = await hands.decided(session_id)
    decision = pending(look)
    assert decision.expires_at is not None
    await hands.sessions.send(scheduler.chat.user_id, session_id, decision, decision.expires_at)
    await scheduler.heard(session_id)
    hands.clock.move(timedelta(minutes=11))
    await hands.send(look)
    line = await scheduler.decided(session_id)
    assert line.outcome == "sent"
    (message,) = await scheduler.written_first(session_id)
    assert message.message_id == line.message_id
    assert await scheduler.sent_today() == [1]


async def test_what_chat_has_sent_is_sent_though_it_was_switched_off_since(
    scheduler: RunningScheduler, hands: ByHand
) -> None:
    agent_id = await scheduler.chat.agent()
    session_id = await scheduler.talk(agent_id=agent_id)
    look = await hands.decided(session_id)
    decision = pending(look)
    assert decision.expires_at is not None
    await hands.sessions.send(scheduler.chat.user_id, session_id, decision, decision.expires_at)
    await scheduler.heard(session_id)
    await scheduler.change(agent_id, parameters={"proactive_behavior": "off"})
    await hands.send(look)
    line = await scheduler.decided(session_id)
    (message,) = await scheduler.written_first(session_id)
    assert (line.outcome, line.message_id) == ("sent", message.message_id)
    assert await scheduler.sent_today() == [1]


async def test_a_decision_whose_maker_died_is_sent_by_another_and_not_made_again(
    scheduler: RunningScheduler, hands: ByHand
) -> None:
    session_id = await scheduler.talk()
    look = await hands.decided(session_id)
    asked = len(await scheduler.chat.model.prompts("companion: "))
    await hands.expire_lease(session_id)
    await hands.look_at(await hands.claim(session_id))
    assert (await scheduler.decided(session_id)).outcome == "sent"
    (message,) = await scheduler.written_first(session_id)
    assert message.text == pending(look).text
    assert len(await scheduler.chat.model.prompts("companion: ")) == asked


async def test_two_who_both_believe_to_hold_it_send_once(
    scheduler: RunningScheduler, hands: ByHand
) -> None:
    session_id = await scheduler.talk()
    look = await hands.decided(session_id)
    await asyncio.gather(*(hands.send(look) for _ in range(3)))
    assert (await scheduler.decided(session_id)).outcome == "sent"
    assert len(await scheduler.written_first(session_id)) == 1
    await hands.send(look)
    assert len(await scheduler.decisions(session_id)) == 1
    assert len(await scheduler.written_first(session_id)) == 1


async def test_two_who_both_believe_to_hold_it_decide_once(
    scheduler: RunningScheduler, hands: ByHand
) -> None:
    session_id = await scheduler.talk()
    look = await hands.look(session_id)
    made = await asyncio.gather(*(hands.decide(look) for _ in range(3)))
    assert len([one for one in made if one is not None]) == 1
    assert await scheduler.sent_today() == [1]


async def test_who_lost_its_claim_decides_nothing(
    scheduler: RunningScheduler, hands: ByHand
) -> None:
    session_id = await scheduler.talk()
    lost = await hands.look(session_id)
    await hands.expire_lease(session_id)
    holds = await hands.look(session_id)
    assert await hands.decide(lost) is None
    assert await scheduler.sent_today() in ([], [0])
    assert await hands.decide(holds) is not None


async def test_what_is_heard_while_the_model_thinks_makes_its_answer_void(
    scheduler: RunningScheduler, hands: ByHand
) -> None:
    session_id = await scheduler.talk()
    look = await hands.look(session_id)
    model = scheduler.chat.model
    await model.fault("hang", contains="companion: ", times=1)
    asked = len(await model.prompts("companion: "))
    deciding = asyncio.create_task(hands.decide(look))
    await model.asked("companion: ", asked + 1)
    await scheduler.chat.say("I am here!", session_id)
    await scheduler.heard(session_id)
    assert not deciding.done()
    await model.heal()
    assert await deciding is None
    assert await scheduler.decisions(session_id) == []
    assert await scheduler.written_first(session_id) == []
    assert await scheduler.sent_today() in ([], [0])


async def test_sessions_due_at_once_never_pass_the_days_cap(
    scheduler: RunningScheduler, hands: ByHand
) -> None:
    agent_id = await scheduler.chat.agent(proactive_behavior="conservative")
    sessions = [await scheduler.talk(agent_id=agent_id) for _ in range(3)]
    claims = {one.session_id: one for one in await hands.claims()}
    await asyncio.gather(*(hands.look_at(claims[session_id]) for session_id in sessions))
    # Those that found the day full when they had decided are looked at again, and say so.
    claims = {one.session_id: one for one in await hands.claims()}
    again = [claims[session_id] for session_id in sessions if session_id in claims]
    await asyncio.gather(*map(hands.look_at, again))

    lines = [await scheduler.decided(session_id) for session_id in sessions]
    assert sorted(line.gate or line.outcome for line in lines) == ["daily_cap", "daily_cap", "sent"]
    assert await scheduler.sent_today() == [1]
    written = [len(await scheduler.written_first(session_id)) for session_id in sessions]
    assert sum(written) == 1


async def test_after_a_long_absence_nobody_is_written_to_and_each_log_says_so(
    scheduler: RunningScheduler, hands: ByHand
) -> None:
    agent_id = await scheduler.chat.agent()
    sessions = [await scheduler.talk(turns=2, agent_id=agent_id) for _ in range(3)]
    asked = len(await scheduler.chat.model.prompts("companion: "))
    hands.clock.move(timedelta(hours=9))
    claims = {one.session_id: one for one in await hands.claims()}
    await asyncio.gather(*(hands.look_at(claims[session_id]) for session_id in sessions))
    for session_id in sessions:
        line = await scheduler.decided(session_id)
        assert (line.outcome, line.gate) == ("expired", None)
        assert "away" in line.reason
        assert await scheduler.written_first(session_id) == []
        assert (await scheduler.rested(session_id)).due_at is None
    assert len(await scheduler.chat.model.prompts("companion: ")) == asked
    assert await scheduler.sent_today() == []
