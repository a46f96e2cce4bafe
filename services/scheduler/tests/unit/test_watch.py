"""The watch of a session: whatever the order of what is heard, and when it is due.

Guards `watch.py: due_at`: what waits for an event has no time.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given, strategies as st

from lingxi_scheduler.domain import watch as watches
from lingxi_scheduler.domain.manners import Manners
from lingxi_scheduler.domain.watch import Watch, due_at

SESSION, USER, AGENT = (UUID(int=number) for number in (1, 2, 3))
NEW = Watch(SESSION, USER)
T0 = datetime(2026, 11, 22, 12, tzinfo=UTC)

type Hear = Callable[[Watch], Watch]


def at(minutes: float) -> datetime:
    return T0 + timedelta(minutes=minutes)


def heard(*news: Hear, watch: Watch = NEW) -> Watch:
    for hear in news:
        watch = hear(watch)
    return watch


def posted(seq: int, minutes: float) -> Hear:
    return lambda watch: watches.posted(watch, at(minutes), seq)


def sent(seq: int, minutes: float, *, proactive: bool = False) -> Hear:
    return lambda watch: watches.sent(watch, at(minutes), seq, proactive=proactive)


def read(up_to: int, minutes: float = 0) -> Hear:
    return lambda watch: watches.read(watch, at(minutes), up_to)


def turned(sequence: int, *, open_now: bool) -> Hear:
    return lambda watch: watches.turned(watch, T0, sequence, open_now=open_now)


def started() -> Hear:
    return lambda watch: watches.started(watch, T0, AGENT)


def flagged(seq: int) -> Hear:
    return lambda watch: watches.flagged(watch, T0, seq)


def said(seq: int, proactive: bool) -> Hear:
    return sent(seq + 20 * proactive, 2, proactive=proactive)


def turn_news(sequence: int) -> Hear:
    return turned(sequence, open_now=sequence % 2 == 0)


SEQS = st.integers(1, 9)
NEWS: st.SearchStrategy[Hear] = st.one_of(
    st.builds(posted, SEQS, st.just(1)),
    st.builds(said, SEQS, st.booleans()),
    st.builds(read, st.integers(1, 30), SEQS),
    st.builds(turn_news, SEQS),
    st.builds(flagged, SEQS),
    st.just(started()),
    st.just(watches.ended),
)


def shuffled(news: list[Hear]) -> st.SearchStrategy[tuple[list[Hear], list[Hear]]]:
    return st.tuples(st.just(news), st.permutations(news))


@given(st.lists(NEWS, max_size=12).flatmap(shuffled))
def test_order_and_repeats_change_nothing(lists: tuple[list[Hear], list[Hear]]) -> None:
    one, other = lists
    assert heard(*one) == heard(*other) == heard(*other, *one) == heard(*one, *one)


def test_nothing_new_is_the_very_same_watch() -> None:
    now = heard(started(), posted(1, 0), sent(2, 1, proactive=True), read(2))
    for hear in (started(), posted(1, 0), sent(2, 1, proactive=True), read(1), read(2)):
        assert hear(now) is now


@pytest.mark.parametrize(
    ("news", "due"),
    [
        ((), None),
        ((started(),), None),
        ((posted(1, 0),), 5),
        ((posted(1, 0), sent(2, 1)), None),  # unread
        ((posted(1, 0), sent(2, 1), read(1)), None),
        ((posted(1, 0), sent(2, 1), read(2)), 6),
        ((posted(1, 0), turned(3, open_now=True)), None),
        ((posted(1, 0), turned(3, open_now=True), turned(4, open_now=False)), 5),
        ((posted(1, 0), sent(2, 10, proactive=True), read(2)), 10 + 4 * 60),
        (
            (posted(1, 0), sent(2, 10, proactive=True), sent(3, 20, proactive=True), read(3)),
            20 + 8 * 60,
        ),
        ((sent(2, 10, proactive=True), sent(3, 20, proactive=True), posted(4, 30), read(3)), 35),
        ((posted(1, 0), watches.ended), None),
    ],
)
def test_when_a_session_is_due(news: Sequence[Hear], due: float | None) -> None:
    """In minutes from the start; the agent is balanced and looks after 5 minutes."""
    assert due_at(heard(*news), Manners()) == (None if due is None else at(due))


@pytest.mark.parametrize(
    ("behaviour", "hours"),
    [("conservative", (24, 48, 96)), ("balanced", (4, 8, 16)), ("aggressive", (1, 2, 4))],
)
def test_back_off_doubles_with_each_message_that_stays_unanswered(
    behaviour: str, hours: Sequence[int]
) -> None:
    manners = Manners(behaviour=behaviour)  # pyright: ignore[reportArgumentType]
    watch = heard(posted(1, 0))
    for number, back_off in enumerate(hours, 2):
        watch = heard(sent(number, number, proactive=True), read(number), watch=watch)
        assert due_at(watch, manners) == at(number + back_off * 60)


def test_time_runs_faster_by_the_scale_and_waits_for_no_time_of_day() -> None:
    watch = replace(heard(posted(1, 0)), not_before=at(3))
    assert due_at(watch, Manners(inactivity_minutes=60), 10) == at(6)
    assert due_at(watch, Manners(inactivity_minutes=60), 60) == at(3)


def test_a_silence_is_decided_once_and_only_a_message_opens_the_next() -> None:
    decided = replace(heard(posted(1, 0), sent(2, 1)), decided_seq=2)
    assert due_at(heard(read(2), turned(9, open_now=False), watch=decided), Manners()) is None
    assert due_at(watches.reopened(decided), Manners()) is None
    assert due_at(heard(posted(3, 9), read(2), watch=decided), Manners()) == at(14)


def test_what_waits_is_opened_by_anything_new() -> None:
    waiting = replace(
        heard(posted(2, 0)), not_before=at(600), awaits_event=True, tries=3, decided_seq=1
    )
    assert due_at(waiting, Manners()) is None
    for news in (watches.reopened, read(1), turned(1, open_now=False)):
        assert due_at(heard(news, watch=waiting), Manners()) == at(5)
        assert heard(news, watch=waiting).tries == 3
    assert heard(posted(3, 9), watch=waiting).tries == 0
    assert heard(posted(1, 0), watch=waiting) is waiting


def test_only_the_newest_message_counts_as_flagged() -> None:
    watch = heard(posted(3, 0), flagged(3))
    assert watch.flagged
    assert not heard(posted(5, 1), watch=watch).flagged
    assert not NEW.flagged
