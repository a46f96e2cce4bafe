"""Decisions about silences: one at a time, once, and no line twice."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from lingxi_contracts.identity import decision_id
from lingxi_contracts.scheduler import ProactiveDecided, ProactiveSettled, WatchEnded
from lingxi_scheduler.domain import decisions
from lingxi_scheduler.domain.decisions import NEW, Decisions, Events, Saying, Silence, evolve
from lingxi_scheduler.domain.gates import Closed

SESSION, AGENT, MESSAGE = (UUID(int=number) for number in (1, 2, 3))
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
SEVENTH = Silence(SESSION, AGENT, 7)
NINTH = Silence(SESSION, AGENT, 9)
QUIET = Closed("quiet_hours", "until 07:00", NOON)
OFF = Closed("off", "off")
HELLO = Saying("Hello?", "silence")
WAIT = Closed("model", "they sleep")


def after(state: Decisions, events: Events) -> Decisions:
    for event in events:
        state = evolve(state, event, NOON)
    return state


def only(events: Events) -> ProactiveDecided:
    (event,) = events
    assert isinstance(event, ProactiveDecided)
    return event


def test_the_same_reason_is_said_once_a_silence() -> None:
    state = after(NEW, decisions.skip(NEW, SEVENTH, OFF))
    assert decisions.skip(state, SEVENTH, OFF) == ()
    assert decisions.skip(state, NINTH, OFF) != ()
    assert decisions.skip(state, SEVENTH, QUIET) != ()


def test_what_waits_has_ids_of_its_own_and_what_ends_the_silence_has_its_id() -> None:
    state, ids = NEW, list[UUID]()
    for closed in (OFF, QUIET, OFF, WAIT):
        decided = only(decisions.skip(state, SEVENTH, closed))
        assert (decided.gate, decided.next_at) == (closed.gate, closed.next_at)
        ids.append(decided.decision_id)
        state = evolve(state, decided, NOON)
    assert len(set(ids)) == 4
    assert ids[3] == decision_id(SESSION, 7)
    assert only(decisions.skip(state, NINTH, OFF)).decision_id not in ids


def test_a_decision_to_write_is_on_its_way_until_it_is_settled_once() -> None:
    (decided,) = decisions.write(
        SEVENTH, HELLO, based_on_user_seq=6, day=date(2026, 11, 22), at=NOON
    )
    assert isinstance(decided, ProactiveDecided)
    assert decided.decision_id == decision_id(SESSION, 7)
    assert decided.expires_at == NOON + timedelta(minutes=10)
    state = evolve(NEW, decided, NOON)
    assert state.pending == decided

    settled = decisions.settle(state, decided.decision_id, "sent", "silence", MESSAGE)
    assert settled == (
        ProactiveSettled(
            decision_id=decided.decision_id, outcome="sent", reason="silence", message_id=MESSAGE
        ),
    )
    state = after(state, settled)
    assert state.pending is None
    assert decisions.settle(state, decided.decision_id, "failed", "late", None) == ()


def test_only_the_decision_on_its_way_is_settled() -> None:
    (decided,) = decisions.write(
        SEVENTH, HELLO, based_on_user_seq=6, day=date(2026, 11, 22), at=NOON
    )
    state = evolve(NEW, decided, NOON)
    assert decisions.settle(state, UUID(int=9), "sent", "silence", MESSAGE) == ()
    assert after(state, (WatchEnded(),)) == NEW


def test_a_moment_that_passed_is_dropped_and_said() -> None:
    decided, settled = decisions.drop(SEVENTH, NOON)
    assert isinstance(decided, ProactiveDecided)
    assert isinstance(settled, ProactiveSettled)
    assert decided.decision_id == settled.decision_id == decision_id(SESSION, 7)
    assert (decided.text, decided.gate, settled.outcome) == (None, None, "expired")
    assert "2026-11-22 12:00" in settled.reason
    assert after(NEW, (decided, settled)).pending is None
