"""Summaries and messages of the agent's own: what is withdrawn, and what stays where it is."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from lingxi_chat.domain import marks
from lingxi_chat.domain.conversation import post, start
from lingxi_chat.domain.marks import BOUNDS_MAX, Marks
from lingxi_chat.domain.proactive import Decided, send_proactive
from lingxi_chat.domain.session import NEW, Session, SessionEvent, evolve
from lingxi_chat.domain.summaries import record_summary
from lingxi_chat.domain.turns import Bubble, Reply, TurnEnd, edit, end_turn, regenerate
from lingxi_contracts.chat import (
    MessagesRead,
    PersonalityReviewDue,
    SummaryDue,
    SummaryWithdrawn,
    TurnCompleted,
    Usage,
)

AT = datetime(2026, 11, 22, 12, tzinfo=UTC)


class Story:
    """A session as it goes on, with the events of its newest step."""

    def __init__(self) -> None:
        self.session: Session = NEW
        self.ids = 0
        self.newest: Sequence[SessionEvent] = ()
        self.then(start(NEW, self.id(), "Mo"))

    def id(self) -> UUID:
        self.ids += 1
        return UUID(int=self.ids)

    def then(self, events: Sequence[SessionEvent]) -> None:
        self.newest = events
        for event in events:
            self.session = evolve(self.session, event, AT)

    def answered(self, bubbles: int = 1, suggestion_id: UUID | None = None) -> None:
        assert self.session.open_turn is not None
        said = tuple(Bubble(self.id(), "said", 0) for _ in range(bubbles))
        usage = Usage(prompt_tokens=1, completion_tokens=1)
        reply = Reply(said, "m", None, usage, 1, 1, suggestion_id)
        seen = self.session.waiting[-1].seq
        self.then(
            end_turn(self.session, TurnEnd(self.session.open_turn, 1, seen, reply, self.id()))
        )

    def talk(self, turns: int, bubbles: int = 1) -> None:
        for _ in range(turns):
            self.then(post(self.session, self.id(), "t", "h", mark_read=True, turn_id=self.id()))
            self.answered(bubbles)

    def summarise(self) -> None:
        now = self.session
        self.then(
            record_summary(
                now,
                covers_from=now.marks.covers_up_to + 1,
                covers_up_to=now.marks.summary_due_up_to,
                superseded_count=now.superseded_count,
                title="t",
                summary="s",
            )
        )

    def edit(self) -> None:
        newest = self.session.newest_user
        assert newest is not None
        self.then(
            edit(
                self.session, newest.message_id, new_message_id=self.id(), text="other",
                request_hash="h", turn_id=self.id(),
            )
        )  # fmt: skip

    def speak_first(self) -> None:
        if self.session.unread_count:
            self.then((MessagesRead(up_to_seq=self.session.last_agent_seq, unread_count=0),))
        newest = self.session.newest_user
        seq = newest.seq if newest else 0
        decided = Decided(self.id(), self.id(), "Hello?", seq, AT + timedelta(hours=1))
        self.then(send_proactive(self.session, decided, AT))

    def told[E](self, kind: type[E]) -> list[E]:
        return [event for event in self.newest if isinstance(event, kind)]


def test_bubbles_that_jump_over_a_multiple_make_one_summary_due() -> None:
    story = Story()
    story.talk(1, bubbles=8)
    assert story.told(SummaryDue) == []
    story.talk(1, bubbles=8)
    assert story.told(SummaryDue) == [SummaryDue(to_seq=18)]
    story.talk(1, bubbles=8)
    assert story.told(SummaryDue) == [SummaryDue(to_seq=27)]
    assert story.told(PersonalityReviewDue) == [PersonalityReviewDue(to_seq=27)]


def test_an_edit_withdraws_what_told_the_message() -> None:
    story = Story()
    story.talk(5)
    story.summarise()
    story.talk(5)
    story.summarise()
    assert story.session.marks.covers_up_to == 20
    story.edit()
    assert story.told(SummaryWithdrawn) == [SummaryWithdrawn(covers_up_to=10)]
    story.answered()
    assert story.told(SummaryDue) == [SummaryDue(to_seq=22)]
    story.edit()
    assert story.told(SummaryWithdrawn) == []  # the summary up to 10 tells nothing of it


def test_another_answer_withdraws_it_when_it_is_there_and_falls_due_at_once() -> None:
    story = Story()
    story.talk(5)
    story.summarise()
    story.then(regenerate(story.session, story.id()))
    assert story.session.marks.covers_up_to == 10
    story.answered()
    assert story.told(SummaryWithdrawn) == [SummaryWithdrawn(covers_up_to=0)]
    assert story.told(SummaryDue) == [SummaryDue(to_seq=11)]


def test_an_edit_takes_along_what_the_agent_said_by_itself_since() -> None:
    """And leaves what it said by itself before, which is then the first there is."""
    story = Story()
    story.speak_first()
    story.talk(1)
    story.speak_first()
    story.then(regenerate(story.session, story.id()))
    story.answered()
    story.speak_first()
    before = story.session
    assert [one.seq for one in before.by_itself] == [4, 6]
    story.edit()
    assert story.session.first == before.first == before.first_proactive
    assert story.session.superseded_count - before.superseded_count == 4
    story.answered()
    assert story.session.unread_count == 1

    without = Story()
    without.talk(1)
    without.speak_first()
    without.edit()
    assert without.session.first == without.session.newest_user
    assert without.session.first_proactive is None
    assert (without.session.unread_count, without.session.first_unread_id) == (0, None)


def test_the_news_are_told_once() -> None:
    story = Story()
    story.talk(5)
    story.summarise()
    suggestion_id = story.id()
    for news in (("summary", "suggestion"), ()):
        story.then(post(story.session, story.id(), "t", "h", mark_read=True, turn_id=story.id()))
        story.answered(suggestion_id=suggestion_id)
        assert story.told(TurnCompleted)[0].news == news


@pytest.mark.parametrize(
    ("gone", "falls_to"), [([21], None), ([20], 15), ([12, 18], 10), ([4], 0), ([], None)]
)
def test_where_a_summary_falls_to(gone: list[int], falls_to: int | None) -> None:
    assert Marks(bounds=(10, 15, 20)).before(gone) == falls_to


def test_bounds_that_nothing_can_fall_to_are_let_go() -> None:
    kept = Marks(bounds=(10, 20))
    assert marks.written(kept, 30, may_go_from=25).bounds == (20, 30)
    assert marks.written(kept, 30, may_go_from=12).bounds == (10, 20, 30)
    assert marks.written(kept, 30, may_go_from=31).bounds == (30,)
    many = Marks()
    for bound in range(1, 3 * BOUNDS_MAX):
        many = marks.written(many, bound, may_go_from=1)
        assert len(many.bounds) <= BOUNDS_MAX
    assert many.covers_up_to == 3 * BOUNDS_MAX - 1
