"""A session under any order of commands keeps its invariants, and is what its events say."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from lingxi_chat.domain import conversation, proactive, summaries, turns
from lingxi_chat.domain.session import NEW, SessionEvent, evolve
from lingxi_chat.domain.turns import Bubble, Failure, Reply, Stop, TurnEnd
from lingxi_chat.projections.sessions import SESSION
from lingxi_contracts.chat import (
    MessagePosted,
    MessageSent,
    MessagesRead,
    MessagesSuperseded,
    PersonalityReviewDue,
    SummaryDue,
    SummaryWithdrawn,
    SummaryWritten,
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
    ProactiveOutdated,
    SummaryOutdated,
    TooManyPending,
    TurnOpen,
    UnreadMessages,
)

HOW = st.sampled_from(["completes", "fails", "is stopped", "is stopped before a word"])
ENDS = TurnCompleted | TurnFailed | TurnStopped
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

    @property
    def covers_up_to(self) -> int:
        return self.session.marks.covers_up_to

    def of[E](self, kind: type[E]) -> list[E]:
        return [event for event, _ in self.log if isinstance(event, kind)]

    @initialize()
    def begin(self) -> None:
        self.record(conversation.start(self.session, self.new_id(), "Mo"))
        assert conversation.start(self.session, self.new_id(), "Mo") == ()

    @rule(mark_read=st.booleans())
    def post(self, mark_read: bool) -> None:
        waiting = len(self.session.pending)
        try:
            events = conversation.post(
                self.session,
                self.new_id(),
                "text",
                "h",
                mark_read=mark_read,
                turn_id=self.new_id(),
            )
        except TooManyPending:
            assert waiting == conversation.PENDING_MAX
            return
        self.record(events)
        assert len(self.session.pending) == waiting + 1

    @precondition(lambda self: self.session.turn is None)
    @rule(bubbles=st.integers(3, 9))
    def talk(self, bubbles: int) -> None:
        """A message and its answer at once: so that there is something to summarise."""
        self.post(mark_read=True)
        assert self.session.open_turn is not None
        seen = self.session.last_seq
        self.record(self.ended(self.session.open_turn, seen, bubbles, "completes"))

    @precondition(lambda self: self.session.marks.summary_due_up_to > self.covers_up_to)
    @rule()
    def summarise_what_is_due(self) -> None:
        marks = self.session.marks
        self.record(
            summaries.record_summary(
                self.session,
                covers_from=marks.covers_up_to + 1,
                covers_up_to=marks.summary_due_up_to,
                superseded_count=self.session.superseded_count,
                title="Summed up",
                summary="They talked.",
            )
        )

    @precondition(lambda self: self.session.open_turn is not None)
    @rule(data=st.data(), bubbles=st.integers(1, 4), how=HOW)
    def end(self, data: st.DataObject, bubbles: int, how: str) -> None:
        assert self.session.open_turn is not None
        assert self.session.waiting
        seen = data.draw(st.sampled_from(self.session.waiting)).seq
        # A prompt holds all that waited when its turn started, and so does its end.
        if self.session.regenerated:
            seen = max(seen, self.session.regenerated.answers[-1].seq)
        self.record(self.ended(self.session.open_turn, seen, bubbles, how))

    @precondition(lambda self: self.of(TurnStarted))
    @rule(data=st.data(), how=HOW)
    def end_late(self, data: st.DataObject, how: str) -> None:
        """A worker whose turn is over, or another one's, stays silent."""
        turn_id = data.draw(st.sampled_from(self.of(TurnStarted))).turn_id
        if turn_id != self.session.open_turn:
            assert self.ended(turn_id, self.session.last_seq, 1, how) == ()

    def ended(self, turn_id: UUID, seen: int, bubbles: int, how: str) -> Sequence[SessionEvent]:
        said = tuple(Bubble(self.new_id(), "said", 0) for _ in range(bubbles))
        usage = Usage(prompt_tokens=1, completion_tokens=1)
        outcome = {
            "completes": Reply(said, "m", None, usage, 1, 1),
            "fails": Failure("bad_answer", "No.", True),
            "is stopped": Stop(said),
            "is stopped before a word": Stop(),
        }[how]
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

    @rule()
    def regenerate(self) -> None:
        turn_id = self.new_id()
        before = self.visible()
        try:
            events = turns.regenerate(self.session, turn_id)
        except (TurnOpen, NothingToRegenerate):
            answered = self.session.answered
            assert self.session.turn or answered is None or not answered.messages
            return
        self.record(events)
        assert turns.regenerate(self.session, turn_id) == ()
        assert self.visible() == before

    @precondition(lambda self: self.of(MessagePosted))
    @rule(data=st.data(), newest=st.booleans())
    def edit(self, data: st.DataObject, newest: bool) -> None:
        posted = self.of(MessagePosted)
        message = posted[-1] if newest else data.draw(st.sampled_from(posted))
        message_id = message.message_id
        turn_id, new_id = self.new_id(), self.new_id()

        def edited() -> Sequence[SessionEvent]:
            return turns.edit(
                self.session, message_id, new_message_id=new_id, text="other", request_hash="h",
                turn_id=turn_id,
            )  # fmt: skip

        try:
            events = edited()
        except TurnOpen:
            assert self.session.open_turn
            return
        except NotNewestMessage:
            assert message_id != posted[-1].message_id
            return
        self.record(events)
        assert edited() == ()
        followed = {
            one.message_id
            for one in self.of(MessageSent)
            if one.proactive_id is not None and one.seq > message.seq
        }
        assert not {message_id, *followed} & set(self.visible())
        assert self.visible()[-1] == new_id

    def visible(self) -> list[UUID]:
        """Messages that were not superseded, in order."""
        gone = {one for event in self.of(MessagesSuperseded) for one in event.message_ids}
        said = [e for e, _ in self.log if isinstance(e, MessagePosted | MessageSent)]
        return [event.message_id for event in said if event.message_id not in gone]

    @rule(data=st.data())
    def read(self, data: st.DataObject) -> None:
        up_to = data.draw(st.integers(0, self.session.last_seq))
        unread = [one for one in self.unread() if one.seq > up_to]
        first = unread[0].message_id if unread else None
        self.record(conversation.read(self.session, up_to, len(unread), first))

    @rule(up_to_date=st.booleans())
    def speak_first(self, up_to_date: bool) -> None:
        newest = self.session.newest_user
        seq = (newest.seq if newest else 0) + (not up_to_date)
        decided = proactive.Decided(self.new_id(), self.new_id(), "Hello?", seq, AT)
        before = self.session.last_activity_at
        try:
            events = proactive.send_proactive(self.session, decided, AT - timedelta(seconds=1))
        except ProactiveOutdated:
            assert not up_to_date
            return
        except TurnOpen:
            assert self.session.open_turn
            return
        except UnreadMessages:
            assert self.session.unread_count
            return
        self.record(events)
        assert self.visible()[-1] == decided.message_id
        assert self.session.last_activity_at == before

    @rule(data=st.data())
    def summarise(self, data: st.DataObject) -> None:
        marks = self.session.marks
        covers_from = marks.covers_up_to + 1
        up_to = data.draw(st.integers(covers_from, covers_from + 12))

        def recorded(**other: int) -> Sequence[SessionEvent]:
            work = {
                "covers_from": covers_from,
                "covers_up_to": up_to,
                "superseded_count": self.session.superseded_count,
            }
            return summaries.record_summary(
                self.session, **(work | other), title="Summed up", summary="They talked."
            )

        for other in ({"covers_from": covers_from + 1}, {"superseded_count": -1}):
            with pytest.raises(SummaryOutdated):
                recorded(**other)
        try:
            events = recorded()
        except SummaryOutdated:
            assert up_to > marks.summary_due_up_to
            return
        self.record(events)
        assert recorded() == ()

    @invariant()
    def what_is_due_was_told_and_is_no_more_than_it_must_be(self) -> None:
        """Ten messages fall due once, unless a summary of them was withdrawn."""
        reviews = [event.to_seq // 20 for event in self.of(PersonalityReviewDue)]
        assert reviews == sorted(set(reviews))
        due = 0
        for event, _ in self.log:
            if isinstance(event, SummaryDue):
                assert event.to_seq // 10 > due // 10
                due = event.to_seq
            elif isinstance(event, SummaryWithdrawn):
                due = min(due, event.covers_up_to)
        assert self.session.marks.summary_due_up_to == due
        if self.log and isinstance(self.log[-1][0], ENDS):
            assert self.session.last_seq // 10 == due // 10

    @invariant()
    def the_summary_tells_nothing_that_was_superseded_since(self) -> None:
        places = {
            e.message_id: e.seq for e, _ in self.log if isinstance(e, MessagePosted | MessageSent)
        }
        standing: list[int] = []
        events = [event for event, _ in self.log]
        for at, event in enumerate(events):
            if isinstance(event, SummaryWritten):
                assert event.covers_from == (standing[-1] if standing else 0) + 1
                standing.append(event.covers_up_to)
            elif isinstance(event, MessagesSuperseded):
                oldest = min(places[one] for one in event.message_ids)
                told = bool(standing) and oldest <= standing[-1]
                follows = events[at + 1]
                assert isinstance(follows, SummaryWithdrawn) == told
                if isinstance(follows, SummaryWithdrawn):
                    standing = [bound for bound in standing if bound < oldest]
                    assert follows.covers_up_to == (standing[-1] if standing else 0)
        assert self.session.marks.covers_up_to == (standing[-1] if standing else 0)

    @rule(title=st.sampled_from(["Trip", "Work"]))
    def rename(self, title: str) -> None:
        self.record(conversation.rename(self.session, title))
        assert self.session.title == title

    @invariant()
    def messages_are_numbered_without_gaps(self) -> None:
        said = [e.seq for e, _ in self.log if isinstance(e, MessagePosted | MessageSent)]
        assert said == list(range(1, self.session.last_seq + 1))

    @invariant()
    def one_turn_is_open_at_most_and_what_waits_has_one_or_a_failure(self) -> None:
        started: set[UUID] = set()
        for event, _ in self.log:
            if isinstance(event, TurnStarted):
                assert not started
                started.add(event.turn_id)
            elif isinstance(event, ENDS):
                started.remove(event.turn_id)
        assert self.session.open_turn == next(iter(started), None)
        assert (self.session.turn is not None) == bool(self.session.waiting)
        assert self.session.turn is not None or not self.session.pending

    @invariant()
    def a_turn_ends_once(self) -> None:
        ends = [e.turn_id for e, _ in self.log if isinstance(e, ENDS)]
        assert len(ends) == len(set(ends))

    @invariant()
    def a_message_waits_until_it_has_an_answer_or_is_superseded(self) -> None:
        answered = {
            one
            for event, _ in self.log
            if isinstance(event, TurnCompleted | TurnStopped) and event.message_ids
            for one in event.answers
        }
        visible = set(self.visible())
        posted = [event.message_id for event in self.of(MessagePosted)]
        waiting = [one for one in posted if one in visible and one not in answered]
        assert [pending.message_id for pending in self.session.pending] == waiting

    @invariant()
    def one_answer_stands_and_nothing_is_superseded_twice(self) -> None:
        gone = [one for event in self.of(MessagesSuperseded) for one in event.message_ids]
        assert len(gone) == len(set(gone)) == self.session.superseded_count
        visible = self.visible()
        places = {
            e.message_id: e.seq for e, _ in self.log if isinstance(e, MessagePosted | MessageSent)
        }
        first = self.session.first
        assert (first and first.message_id) == (visible[0] if visible else None)
        assert not visible or places[visible[-1]] == self.session.last_seq
        answers = [e for e, _ in self.log if isinstance(e, TurnCompleted | TurnStopped)]
        standing = [e for e in answers if set(e.message_ids) & set(visible)]
        taken = [one for event in standing for one in event.answers]
        assert len(taken) == len(set(taken))

    def unread(self) -> list[MessageSent]:
        visible = set(self.visible())
        sent = [event for event in self.of(MessageSent) if event.message_id in visible]
        return [event for event in sent if event.seq > self.session.read_up_to]

    @invariant()
    def unread_are_the_agents_messages_after_the_mark(self) -> None:
        unread = [event.message_id for event in self.unread()]
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


SessionMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=30)
TestSession = SessionMachine.TestCase


def test_events_of_one_turn_are_needed_in_the_order_they_were_decided() -> None:
    """The machine itself can fail: a gap in the numbers is seen."""
    machine = SessionMachine()
    machine.begin()
    machine.record((MessagePosted(message_id=UUID(int=9), seq=2, text="t", request_hash="h"),))

    with pytest.raises(AssertionError):
        machine.messages_are_numbered_without_gaps()
