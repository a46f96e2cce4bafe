"""A session under any order of commands keeps its invariants, and is what its events say."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from lingxi_chat.domain import session as domain
from lingxi_chat.domain import turns
from lingxi_chat.domain.session import NEW, SessionEvent, evolve
from lingxi_chat.domain.turns import Bubble, Failure, Reply, TurnEnd
from lingxi_chat.projections.sessions import SESSION
from lingxi_contracts.chat import (
    MessagePosted,
    MessageSent,
    MessagesRead,
    TurnCompleted,
    TurnFailed,
    TurnStarted,
    Usage,
)
from lingxi_contracts.errors import NothingToRetry, TooManyPending, TurnOpen

AT = datetime(2026, 11, 22, 12, tzinfo=UTC)


class SessionMachine(RuleBasedStateMachine):
    """Keeps the events, and beside the session its own plain record of what was said."""

    def __init__(self) -> None:
        super().__init__()
        self.session = NEW
        self.log: list[tuple[SessionEvent, datetime]] = []
        self.ids = 0

    def new_id(self) -> UUID:
        self.ids += 1
        return UUID(int=self.ids)

    def record(self, events: Sequence[SessionEvent]) -> None:
        for event in events:
            at = AT + timedelta(seconds=len(self.log))
            self.log.append((event, at))
            self.session = evolve(self.session, event, at)

    def of[E](self, kind: type[E]) -> list[E]:
        return [event for event, _ in self.log if isinstance(event, kind)]

    @initialize()
    def begin(self) -> None:
        self.record(domain.start(self.session, self.new_id(), "Mo"))
        assert domain.start(self.session, self.new_id(), "Mo") == ()

    @rule(mark_read=st.booleans())
    def post(self, mark_read: bool) -> None:
        waiting = len(self.session.pending)
        try:
            events = domain.post(
                self.session,
                self.new_id(),
                "text",
                "h",
                mark_read=mark_read,
                turn_id=self.new_id(),
            )
        except TooManyPending:
            assert waiting == domain.PENDING_MAX
            return
        self.record(events)
        assert len(self.session.pending) == waiting + 1

    @precondition(lambda self: self.session.open_turn is not None)
    @rule(data=st.data(), bubbles=st.integers(1, 4), fails=st.booleans())
    def end(self, data: st.DataObject, bubbles: int, fails: bool) -> None:
        assert self.session.open_turn is not None
        seen = data.draw(st.sampled_from(self.session.pending)).seq
        self.record(self.ended(self.session.open_turn, seen, bubbles, fails))

    @precondition(lambda self: self.of(TurnStarted))
    @rule(data=st.data(), fails=st.booleans())
    def end_late(self, data: st.DataObject, fails: bool) -> None:
        """A worker whose turn is over, or another one's, stays silent."""
        turn_id = data.draw(st.sampled_from(self.of(TurnStarted))).turn_id
        if turn_id != self.session.open_turn:
            assert self.ended(turn_id, self.session.last_seq, 1, fails) == ()

    def ended(self, turn_id: UUID, seen: int, bubbles: int, fails: bool) -> Sequence[SessionEvent]:
        reply = Reply(
            tuple(Bubble(self.new_id(), "said", 0) for _ in range(bubbles)),
            "m", None, Usage(prompt_tokens=1, completion_tokens=1), 1, 1,
        )  # fmt: skip
        outcome = Failure("bad_answer", "No.", True) if fails else reply
        return turns.end_turn(self.session, TurnEnd(turn_id, 1, seen, outcome, self.new_id()))

    @rule()
    def retry(self) -> None:
        turn_id = self.new_id()
        try:
            events = turns.retry(self.session, turn_id)
        except (TurnOpen, NothingToRetry):
            assert self.session.turn is None or self.session.turn.failure is None
            return
        self.record(events)
        assert turns.retry(self.session, turn_id) == ()

    @rule(data=st.data())
    def read(self, data: st.DataObject) -> None:
        up_to = data.draw(st.integers(0, self.session.last_seq))
        unread = [
            sent for sent in self.of(MessageSent) if sent.seq > max(up_to, self.session.read_up_to)
        ]
        first = unread[0].message_id if unread else None
        self.record(domain.read(self.session, up_to, len(unread), first))

    @rule(title=st.sampled_from(["Trip", "Work"]))
    def rename(self, title: str) -> None:
        self.record(domain.rename(self.session, title))
        assert self.session.title == title

    @invariant()
    def messages_are_numbered_without_gaps(self) -> None:
        said = [e.seq for e, _ in self.log if isinstance(e, MessagePosted | MessageSent)]
        assert said == list(range(1, self.session.last_seq + 1))

    @invariant()
    def one_turn_is_open_at_most_and_what_waits_has_one_or_a_failure(self) -> None:
        turns: set[UUID] = set()
        for event, _ in self.log:
            if isinstance(event, TurnStarted):
                assert not turns
                turns.add(event.turn_id)
            elif isinstance(event, TurnCompleted | TurnFailed):
                turns.remove(event.turn_id)
        assert self.session.open_turn == next(iter(turns), None)
        assert (self.session.turn is not None) == bool(self.session.pending)

    @invariant()
    def a_turn_ends_once(self) -> None:
        ends = [e.turn_id for e, _ in self.log if isinstance(e, TurnCompleted | TurnFailed)]
        assert len(ends) == len(set(ends))

    @invariant()
    def a_message_is_answered_once_or_waits(self) -> None:
        answered = [one for event in self.of(TurnCompleted) for one in event.answers]
        waiting = [pending.message_id for pending in self.session.pending]
        posted = [event.message_id for event in self.of(MessagePosted)]
        assert sorted(answered + waiting, key=posted.index) == posted

    @invariant()
    def unread_are_the_agents_messages_after_the_mark(self) -> None:
        unread = [e.message_id for e in self.of(MessageSent) if e.seq > self.session.read_up_to]
        assert self.session.unread_count == len(unread)
        assert self.session.first_unread_id == (unread[0] if unread else None)
        marks = [event.up_to_seq for event in self.of(MessagesRead)]
        assert marks == sorted(set(marks))

    @invariant()
    def it_is_what_its_events_say(self) -> None:
        replayed = NEW
        for event, at in self.log:
            replayed = evolve(replayed, event, at)
        assert replayed == self.session
        assert SESSION.validate_json(SESSION.dump_json(self.session)) == self.session


SessionMachine.TestCase.settings = settings(max_examples=40, stateful_step_count=25)
TestSession = SessionMachine.TestCase


def test_events_of_one_turn_are_needed_in_the_order_they_were_decided() -> None:
    """The machine itself can fail: a gap in the numbers is seen."""
    machine = SessionMachine()
    machine.begin()
    machine.record((MessagePosted(message_id=UUID(int=9), seq=2, text="t", request_hash="h"),))

    with pytest.raises(AssertionError):
        machine.messages_are_numbered_without_gaps()
