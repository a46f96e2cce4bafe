"""Waiters without any network: what wakes them, and what they are told."""

from collections.abc import Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson
import pytest

from lingxi_chassis.ids import new_id
from lingxi_contracts.base import Event
from lingxi_contracts.chat import (
    Critical,
    MessageFlagged,
    MessageSent,
    SessionDeleted,
    TurnCompleted,
    TurnFailed,
    Usage,
)
from lingxi_contracts.errors import Unavailable
from lingxi_contracts.live import turn_ended
from lingxi_contracts.subjects import event_subject, turn_ended_subject
from lingxi_gateway.application.outcome import Answered, Bubble, Failed
from lingxi_gateway.application.waiters import Waiters

USER, SESSION, MESSAGE, TURN = (new_id() for _ in range(4))
SOON = 0.0
AT = datetime(2026, 11, 22, tzinfo=UTC)


def dispatch(waiters: Waiters, event: Event, session: UUID = SESSION) -> None:
    subject = event_subject("chat", event.tag, USER, session)
    waiters.dispatch(subject, _envelope(event.model_dump(mode="json")))


def ended(waiters: Waiters, *events: Event, turn: UUID = TURN) -> None:
    waiters.ended(turn_ended_subject(SESSION, turn), turn_ended(events, AT))


def _envelope(data: Mapping[str, Any] | None) -> bytes:
    return orjson.dumps({"time": AT, "data": data})


def sent(text: str, turn: UUID = TURN, bubble: int = 0) -> MessageSent:
    return MessageSent(
        message_id=new_id(), seq=2 + bubble, turn_id=turn, bubble=bubble, delay_ms=0, text=text
    )


def bubble(said: MessageSent) -> Bubble:
    return Bubble(
        message_id=str(said.message_id),
        text=said.text,
        seq=said.seq,
        place=said.bubble,
        delay_ms=said.delay_ms,
        sent_at=AT,
    )


def completed(*said: MessageSent, answers: tuple[UUID, ...] = (MESSAGE,)) -> TurnCompleted:
    turn_id = said[0].turn_id
    assert turn_id is not None
    return TurnCompleted(
        turn_id=turn_id,
        answers=answers,
        answers_up_to=1,
        message_ids=tuple(one.message_id for one in said),
        attempt=1,
        model="m",
        usage=Usage(prompt_tokens=1, completion_tokens=1),
        latency_ms=1,
        personality_version=1,
    )


def failed(*answers: UUID) -> TurnFailed:
    return TurnFailed(
        turn_id=TURN,
        answers=answers,
        answers_up_to=1,
        attempt=3,
        code="model_timeout",
        detail="No answer.",
        retryable=True,
    )


async def test_the_end_of_the_turn_brings_what_came_since_the_answer_before() -> None:
    waiters = Waiters()
    said = sent("One.")
    with waiters.waiting(SESSION, MESSAGE) as waiter:
        dispatch(waiters, said)
        end = completed(said).model_copy(update={"news": ("summary", "suggestion")})
        dispatch(waiters, end)
        outcome = await waiter.wait(SOON)
    assert isinstance(outcome, Answered)
    assert outcome.news == ("summary", "suggestion")


async def test_a_flagged_message_is_told_to_whoever_waits_for_it_alone() -> None:
    waiters = Waiters()
    flagged = MessageFlagged(
        message_id=MESSAGE, seq=1, critical_type="self_harm", text="Call.", links=("https://x",)
    )
    with (
        waiters.waiting(SESSION, MESSAGE) as waiter,
        waiters.waiting(SESSION, new_id()) as other,
    ):
        dispatch(waiters, flagged)
        assert not waiter.woken
        assert waiter.critical == Critical(
            critical_type="self_harm", text="Call.", links=("https://x",)
        )
        assert other.critical is None


async def test_what_the_agent_says_by_itself_is_no_answer() -> None:
    waiters = Waiters()
    said = sent("One.")
    by_itself = MessageSent(
        message_id=new_id(), seq=1, proactive_id=new_id(), bubble=0, delay_ms=0, text="Hello?"
    )
    with waiters.waiting(SESSION, MESSAGE) as waiter:
        dispatch(waiters, said)
        dispatch(waiters, by_itself)
        dispatch(waiters, completed(said))
        assert await waiter.wait(SOON) == Answered(str(TURN), (bubble(said),))


async def test_the_end_of_the_turn_brings_all_bubbles_in_their_order() -> None:
    waiters = Waiters()
    first, second = sent("One."), sent("Two.", bubble=1)
    with waiters.waiting(SESSION, MESSAGE) as waiter:
        dispatch(waiters, first)
        dispatch(waiters, second)
        assert not waiter.woken
        dispatch(waiters, completed(first, second))
        assert await waiter.wait(SOON) == Answered(
            str(TURN),
            (bubble(first), bubble(second)),
        )


async def test_everybody_whose_message_the_turn_took_is_told_and_nobody_else() -> None:
    waiters = Waiters()
    earlier, later = new_id(), new_id()
    said = sent("Both of you.")
    with (
        waiters.waiting(SESSION, MESSAGE) as one,
        waiters.waiting(SESSION, MESSAGE) as same,
        waiters.waiting(SESSION, earlier) as two,
        waiters.waiting(SESSION, later) as three,
        waiters.waiting(new_id(), MESSAGE) as elsewhere,
    ):
        dispatch(waiters, said)
        dispatch(waiters, completed(said, answers=(MESSAGE, earlier)))
        told = [await waiter.wait(SOON) for waiter in (one, same, two)]
        assert told == [Answered(str(TURN), (bubble(said),))] * 3
        assert not three.woken
        assert not elsewhere.woken


async def test_who_came_between_the_bubbles_is_woken_to_ask() -> None:
    waiters = Waiters()
    missed, seen = sent("Missed."), sent("Seen.", bubble=1)
    with waiters.waiting(SESSION, MESSAGE) as waiter:
        dispatch(waiters, seen)
        dispatch(waiters, completed(missed, seen))
        assert waiter.woken
        assert await waiter.wait(SOON) is None


async def test_bubbles_of_two_turns_do_not_mix() -> None:
    waiters = Waiters()
    before, after = sent("Before.", new_id()), sent("After.", new_id())
    with waiters.waiting(SESSION, MESSAGE) as waiter:
        dispatch(waiters, before)
        dispatch(waiters, completed(before, answers=()))
        dispatch(waiters, after)
        dispatch(waiters, completed(after))
        outcome = await waiter.wait(SOON)
        assert isinstance(outcome, Answered)
        assert [bubble.text for bubble in outcome.bubbles] == ["After."]


async def test_the_owner_tells_the_end_ahead_of_the_stream() -> None:
    waiters = Waiters()
    flagged = MessageFlagged(message_id=MESSAGE, seq=1, critical_type="self_harm", text="Call.")
    first, second = sent("One."), sent("Two.", bubble=1)
    with waiters.waiting(SESSION, MESSAGE) as waiter:
        ended(waiters, flagged, first, second, completed(first, second))
        assert await waiter.wait(SOON) == Answered(str(TURN), (bubble(first), bubble(second)))
        assert waiter.critical is not None
        dispatch(waiters, first)
        dispatch(waiters, second)
        dispatch(waiters, completed(first, second))
        assert not waiter.woken


@pytest.mark.parametrize("somebody_waits", [False, True])
async def test_an_end_that_was_told_is_not_taken_for_that_of_a_later_turn(
    somebody_waits: bool,
) -> None:
    """Who repeats a message after its failure and a retry waits for the retry's end. Guards the
    look at `_ended`: the stream tells the failure again, and may do so only then."""
    waiters = Waiters()
    with ExitStack() as stack:
        if somebody_waits:
            stack.enter_context(waiters.waiting(SESSION, MESSAGE))
        ended(waiters, failed(MESSAGE))
    retried = sent("At last.", new_id())
    with waiters.waiting(SESSION, MESSAGE) as waiter:
        dispatch(waiters, failed(MESSAGE))
        assert not waiter.woken
        dispatch(waiters, retried)
        dispatch(waiters, completed(retried))
        assert isinstance(await waiter.wait(SOON), Answered)


async def test_ends_are_remembered_up_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lingxi_gateway.application.waiters.ENDS_REMEMBERED_MAX", 1)
    waiters = Waiters()
    ended(waiters, failed(MESSAGE))
    ended(waiters, failed(MESSAGE), turn=new_id())
    with waiters.waiting(SESSION, MESSAGE) as waiter:
        dispatch(waiters, failed(MESSAGE))
        assert waiter.woken


async def test_a_failed_turn_tells_its_code() -> None:
    waiters = Waiters()
    with waiters.waiting(SESSION, MESSAGE) as waiter:
        dispatch(waiters, failed(new_id()))
        assert not waiter.woken
        dispatch(waiters, failed(new_id(), MESSAGE))
        told = Failed(str(TURN), "model_timeout", "No answer.", retryable=True)
        assert await waiter.wait(SOON) == told


@pytest.mark.parametrize("erased", [False, True])
async def test_a_deletion_wakes_to_ask(erased: bool) -> None:
    waiters = Waiters()
    with waiters.waiting(SESSION, MESSAGE) as waiter:
        if erased:
            subject = event_subject("chat", TurnCompleted.tag, USER, SESSION)
            waiters.dispatch(subject, _envelope(None))
        else:
            dispatch(waiters, SessionDeleted())
        assert waiter.woken
        assert await waiter.wait(SOON) is None


async def test_doubt_wakes_everybody_once() -> None:
    waiters = Waiters()
    with waiters.waiting(SESSION, MESSAGE) as one, waiters.waiting(new_id(), MESSAGE) as other:
        waiters.doubt()
        for waiter in (one, other):
            assert waiter.woken
            assert await waiter.wait(SOON) is None
            assert not waiter.woken


def test_nothing_is_parsed_where_nobody_waits() -> None:
    waiters = Waiters()
    subject = event_subject("chat", MessageSent.tag, USER, SESSION)
    waiters.dispatch(subject, b"not JSON")
    with waiters.waiting(SESSION, MESSAGE):
        waiters.dispatch(event_subject("chat", "message_posted.v1", USER, SESSION), b"not JSON")
        with pytest.raises(orjson.JSONDecodeError):
            waiters.dispatch(subject, b"not JSON")


async def test_waiters_are_bounded_and_leave_nothing_behind() -> None:
    waiters = Waiters(waiters_max=1)
    with waiters.waiting(SESSION, MESSAGE):
        with pytest.raises(Unavailable), waiters.waiting(SESSION, MESSAGE):
            pass
        assert waiters.count == 1
    assert waiters.count == 0
    assert waiters.sessions == 0
