"""Each decision of a session: given events, when a command, then events or a refusal."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from lingxi_chat.domain.conversation import PENDING_MAX, delete, post, read, rename, start
from lingxi_chat.domain.session import NEW, Session, SessionEvent, evolve
from lingxi_chat.domain.turns import (
    Bubble,
    Failure,
    Reply,
    Stop,
    TurnEnd,
    edit,
    end_turn,
    regenerate,
    retry,
)
from lingxi_contracts.chat import (
    MessagePosted,
    MessageSent,
    MessagesRead,
    MessagesSuperseded,
    SessionDeleted,
    SessionRenamed,
    SessionStarted,
    TurnCompleted,
    TurnFailed,
    TurnStarted,
    TurnStopped,
    Usage,
)
from lingxi_contracts.errors import (
    NothingToRegenerate,
    NothingToRetry,
    NotNewestMessage,
    TooManyPending,
    TurnOpen,
)

AT = datetime(2026, 11, 22, 12, tzinfo=UTC)
AGENT = UUID(int=1)
TURN, NEXT_TURN, THIRD_TURN = UUID(int=11), UUID(int=12), UUID(int=13)
REPLY = Reply(
    bubbles=(Bubble(UUID(int=101), "Hi.", 0), Bubble(UUID(int=102), "You?", 550)),
    model="m",
    fallback_from=None,
    usage=Usage(prompt_tokens=5, completion_tokens=3),
    latency_ms=7,
    personality_version=4,
)
FAILURE = Failure("model_timeout", "The model did not answer in time.", True)

STARTED = SessionStarted(agent_id=AGENT, agent_name="Mo")


def posted(seq: int) -> MessagePosted:
    return MessagePosted(message_id=UUID(int=seq), seq=seq, text=f"text {seq}", request_hash="h")


def sent(seq: int, bubble: int = 0, turn_id: UUID = TURN) -> MessageSent:
    said = REPLY.bubbles[bubble]
    return MessageSent(
        message_id=said.message_id,
        seq=seq,
        turn_id=turn_id,
        bubble=bubble,
        delay_ms=said.delay_ms,
        text=said.text,
    )


def turn_started(turn_id: UUID = TURN, retry_of: UUID | None = None) -> TurnStarted:
    return TurnStarted(turn_id=turn_id, retry_of=retry_of)


def completed(answers: Sequence[int], up_to: int, turn_id: UUID = TURN) -> TurnCompleted:
    return TurnCompleted(
        turn_id=turn_id,
        answers=tuple(UUID(int=seq) for seq in answers),
        answers_up_to=up_to,
        message_ids=tuple(bubble.message_id for bubble in REPLY.bubbles),
        attempt=1,
        model="m",
        usage=REPLY.usage,
        latency_ms=7,
        personality_version=4,
    )


def failed(answers: Sequence[int], up_to: int, turn_id: UUID = TURN) -> TurnFailed:
    return TurnFailed(
        turn_id=turn_id,
        answers=tuple(UUID(int=seq) for seq in answers),
        answers_up_to=up_to,
        attempt=1,
        code=FAILURE.code,
        detail=FAILURE.detail,
        retryable=True,
    )


ANSWERED = (STARTED, posted(1), turn_started(), sent(2), sent(3, 1), completed([1], 1))
FAILED = (STARTED, posted(1), turn_started(), failed([1], 1))


def given(*events: SessionEvent) -> Session:
    session = NEW
    for event in events:
        session = evolve(session, event, AT)
    return session


def when_posted(session: Session, *, mark_read: bool = True) -> Sequence[SessionEvent]:
    seq = session.last_seq + 1
    return post(session, UUID(int=seq), f"text {seq}", "h", mark_read=mark_read, turn_id=NEXT_TURN)


def when_ended(
    session: Session, up_to: int, outcome: Reply | Failure = REPLY, turn_id: UUID = TURN
) -> Sequence[SessionEvent]:
    return end_turn(session, TurnEnd(turn_id, 1, up_to, outcome, NEXT_TURN))


def test_a_session_starts_once() -> None:
    assert start(NEW, AGENT, "Mo") == (STARTED,)
    assert start(given(STARTED), AGENT, "Mo") == ()


def test_a_first_message_starts_a_turn() -> None:
    assert when_posted(given(STARTED)) == (posted(1), turn_started(NEXT_TURN))


def test_a_message_during_a_turn_waits_for_its_end() -> None:
    assert when_posted(given(STARTED, posted(1), turn_started())) == (posted(2),)


def test_a_message_after_a_failed_turn_starts_another() -> None:
    assert when_posted(given(*FAILED)) == (posted(2), turn_started(NEXT_TURN))


def test_posting_marks_what_the_agent_said_as_read() -> None:
    session = given(*ANSWERED)

    marked = MessagesRead(up_to_seq=3, unread_count=0)
    assert when_posted(session) == (posted(4), marked, turn_started(NEXT_TURN))
    assert when_posted(session, mark_read=False) == (posted(4), turn_started(NEXT_TURN))


def test_no_more_messages_wait_than_the_bound() -> None:
    """Guards `PENDING_MAX` in `session.post`."""
    session = given(STARTED, posted(1), turn_started(), *map(posted, range(2, PENDING_MAX + 1)))

    with pytest.raises(TooManyPending) as refused:
        when_posted(session)
    assert refused.value.facts == {"pending_max": PENDING_MAX}


def test_a_reply_is_sent_bubble_by_bubble_and_completes_the_turn() -> None:
    session = given(STARTED, posted(1), turn_started())

    assert when_ended(session, 1) == (sent(2), sent(3, 1), completed([1], 1))


def test_a_burst_is_answered_up_to_what_the_turn_saw_and_the_rest_starts_the_next() -> None:
    session = given(STARTED, posted(1), turn_started(), posted(2), posted(3))

    assert when_ended(session, 2) == (
        sent(4),
        sent(5, 1),
        completed([1, 2], 2),
        turn_started(NEXT_TURN),
    )


def test_a_failed_turn_leaves_its_messages_waiting() -> None:
    """Guards `end_turn`: a failure says nothing."""
    session = given(STARTED, posted(1), turn_started())

    assert when_ended(session, 1, FAILURE) == (failed([1], 1),)
    after = given(*FAILED)
    assert [pending.seq for pending in after.pending] == [1]
    assert after.open_turn is None


def test_a_failed_turn_with_messages_it_did_not_see_is_followed_by_another() -> None:
    session = given(STARTED, posted(1), turn_started(), posted(2))

    assert when_ended(session, 1, FAILURE) == (failed([1], 1), turn_started(NEXT_TURN))


def test_the_turn_after_a_failure_answers_all_that_waits() -> None:
    session = given(*FAILED, posted(2), turn_started(NEXT_TURN))

    (*_, end) = when_ended(session, 2, turn_id=NEXT_TURN)
    assert end == completed([1, 2], 2, NEXT_TURN)


@pytest.mark.parametrize("events", [ANSWERED, FAILED, (STARTED,)])
def test_the_end_of_a_turn_that_is_not_open_decides_nothing(
    events: tuple[SessionEvent, ...],
) -> None:
    """Guards the first line of `end_turn`: one outcome a turn."""
    assert when_ended(given(*events), 1) == ()


def test_the_end_of_an_earlier_turn_decides_nothing() -> None:
    session = given(*FAILED, turn_started(NEXT_TURN, retry_of=TURN))

    assert when_ended(session, 1) == ()


def test_a_failed_turn_is_tried_again() -> None:
    assert retry(given(*FAILED), NEXT_TURN) == (turn_started(NEXT_TURN, retry_of=TURN),)


def test_a_repeated_retry_decides_nothing() -> None:
    retried = (*FAILED, turn_started(NEXT_TURN, retry_of=TURN))

    assert retry(given(*retried), NEXT_TURN) == ()
    assert retry(given(*retried, failed([1], 1, NEXT_TURN)), NEXT_TURN) == ()
    assert retry(given(*retried, sent(2), completed([1], 1, NEXT_TURN)), NEXT_TURN) == ()


def test_only_a_failed_turn_is_tried_again() -> None:
    with pytest.raises(TurnOpen):
        retry(given(STARTED, posted(1), turn_started()), NEXT_TURN)
    with pytest.raises(NothingToRetry):
        retry(given(*ANSWERED), NEXT_TURN)
    with pytest.raises(NothingToRetry):
        retry(given(STARTED), NEXT_TURN)


def test_reading_tells_what_is_left() -> None:
    session = given(*ANSWERED)

    marked = MessagesRead(up_to_seq=2, unread_count=1, first_unread_id=UUID(int=102))
    assert read(session, 2, 1, UUID(int=102)) == (marked,)
    assert read(session, 3, 0, None) == (MessagesRead(up_to_seq=3, unread_count=0),)
    # A message of the user's own that came after them.
    assert read(given(*ANSWERED, posted(4)), 4, 0, None) == (
        MessagesRead(up_to_seq=3, unread_count=0),
    )


def test_what_was_read_stays_read() -> None:
    session = given(*ANSWERED, MessagesRead(up_to_seq=3, unread_count=0))

    assert read(session, 3, 0, None) == ()
    assert read(session, 2, 0, None) == ()
    assert read(given(STARTED, posted(1), turn_started()), 1, 0, None) == ()


def test_a_title_is_chosen_once() -> None:
    renamed = SessionRenamed(title="Trip")

    assert rename(given(STARTED), "Trip") == (renamed,)
    assert rename(given(STARTED, renamed), "Trip") == ()
    assert rename(given(STARTED, renamed), "Work") == (SessionRenamed(title="Work"),)


def test_deleting_is_one_event_without_content() -> None:
    assert delete() == (SessionDeleted(),)
    assert evolve(given(*ANSWERED), SessionDeleted(), AT) == given(*ANSWERED)


def test_unread_messages_are_counted_from_the_first() -> None:
    session = given(*ANSWERED)

    assert (session.unread_count, session.first_unread_id) == (2, UUID(int=101))


def test_activity_is_the_newest_message_of_either() -> None:
    later: Any = AT + timedelta(hours=1)
    session = given(STARTED, posted(1))

    assert evolve(session, sent(2), later).last_activity_at == later
    assert evolve(session, SessionRenamed(title="Trip"), later).last_activity_at == AT


def test_a_message_is_taken_by_the_turn_that_saw_it() -> None:
    session = given(STARTED, posted(1), turn_started(), posted(2))

    assert session.taken_up_to == 1
    assert evolve(session, failed([1, 2], 2), AT).taken_up_to == 2
    assert evolve(session, completed([1, 2], 2), AT).taken_up_to == 2


AGAIN = TurnStarted(turn_id=NEXT_TURN, regenerates=TURN)
SUPERSEDED = MessagesSuperseded(message_ids=(UUID(int=101), UUID(int=102)), by_turn_id=NEXT_TURN)


def stopped(answers: Sequence[int], message_ids: Sequence[int] = ()) -> TurnStopped:
    return TurnStopped(
        turn_id=TURN,
        answers=tuple(UUID(int=seq) for seq in answers),
        answers_up_to=1,
        message_ids=tuple(UUID(int=number) for number in message_ids),
        attempt=1,
    )


def test_a_stop_keeps_what_was_said() -> None:
    session = given(STARTED, posted(1), turn_started())

    events = end_turn(session, TurnEnd(TURN, 1, 1, Stop(REPLY.bubbles[:1]), NEXT_TURN))
    assert events == (sent(2), stopped([1], [101]))
    assert given(STARTED, posted(1), turn_started(), *events).turn is None


def test_a_stop_before_a_word_is_a_failure_to_try_again() -> None:
    events = end_turn(
        given(STARTED, posted(1), turn_started()), TurnEnd(TURN, 1, 1, Stop(), NEXT_TURN)
    )
    session = given(STARTED, posted(1), turn_started(), *events)

    assert events == (stopped([1]),)
    assert session.turn is not None
    assert (session.turn.failure, session.turn.retryable) == ("stopped", True)
    assert retry(session, NEXT_TURN) == (turn_started(NEXT_TURN, retry_of=TURN),)


def test_an_answer_is_superseded_by_the_one_in_its_place() -> None:
    assert regenerate(given(*ANSWERED), NEXT_TURN) == (AGAIN,)
    session = given(*ANSWERED, AGAIN)

    assert when_ended(session, 1, turn_id=NEXT_TURN) == (
        SUPERSEDED,
        sent(4, turn_id=NEXT_TURN),
        sent(5, 1, turn_id=NEXT_TURN),
        completed([1], 1, NEXT_TURN),
    )


def test_an_answer_stands_while_none_takes_its_place() -> None:
    session = given(*ANSWERED, AGAIN)
    (end,) = when_ended(session, 1, FAILURE, NEXT_TURN)

    assert end == failed([], 1, NEXT_TURN)
    retried = retry(given(*ANSWERED, AGAIN, end), THIRD_TURN)
    assert retried == (TurnStarted(turn_id=THIRD_TURN, retry_of=NEXT_TURN, regenerates=TURN),)
    assert post(
        given(*ANSWERED, AGAIN, end), UUID(int=4), "text 4", "h", mark_read=False,
        turn_id=THIRD_TURN,
    ) == (posted(4), turn_started(THIRD_TURN))  # fmt: skip


def test_only_a_turn_with_an_answer_is_regenerated() -> None:
    assert regenerate(given(*ANSWERED, AGAIN), NEXT_TURN) == ()
    with pytest.raises(TurnOpen):
        regenerate(given(*ANSWERED, AGAIN), THIRD_TURN)
    for events in (FAILED, (STARTED,), (*ANSWERED, AGAIN, failed([], 1, NEXT_TURN))):
        with pytest.raises(NothingToRegenerate):
            regenerate(given(*events), THIRD_TURN)


def when_edited(session: Session, seq: int, turn_id: UUID = NEXT_TURN) -> Sequence[SessionEvent]:
    at = session.last_seq + 1
    return edit(
        session, UUID(int=seq), new_message_id=UUID(int=at), text=f"text {at}", request_hash="h",
        turn_id=turn_id,
    )  # fmt: skip


def test_an_edit_takes_the_message_and_its_answer_along() -> None:
    events = when_edited(given(*ANSWERED), 1)

    gone = (UUID(int=1), UUID(int=101), UUID(int=102))
    superseded = MessagesSuperseded(message_ids=gone, by_turn_id=NEXT_TURN)
    assert events == (posted(4), superseded, turn_started(NEXT_TURN))
    session = given(*ANSWERED, *events)
    assert (session.unread_count, session.first_unread_id) == (0, None)
    assert [pending.seq for pending in session.pending] == [4]
    assert when_edited(session, 1) == ()


def test_an_edit_leaves_the_answer_to_an_earlier_message() -> None:
    """The second message came before the first one's answer, and has none itself."""
    begun = (STARTED, posted(1), turn_started(), posted(2), sent(3), completed([1], 1))
    session = given(*begun[:-1], begun[-1].model_copy(update={"message_ids": (UUID(int=101),)}),
                    turn_started(NEXT_TURN), failed([2], 2, NEXT_TURN))  # fmt: skip

    _, superseded, _ = when_edited(session, 2, THIRD_TURN)
    assert superseded == MessagesSuperseded(message_ids=(UUID(int=2),), by_turn_id=THIRD_TURN)


def test_only_the_newest_message_is_edited_and_none_during_a_turn() -> None:
    session = given(*ANSWERED, posted(4), turn_started(NEXT_TURN), failed([4], 4, NEXT_TURN))
    for seq in (1, 101, 9):
        with pytest.raises(NotNewestMessage):
            when_edited(session, seq, THIRD_TURN)
    with pytest.raises(TurnOpen):
        when_edited(given(*ANSWERED, AGAIN), 1, THIRD_TURN)
