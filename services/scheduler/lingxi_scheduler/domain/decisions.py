"""The decisions about one session, as its stream of scheduler's log tells them.

Invariants:
1. At most one decision is on its way; it is settled once.
2. What ends a silence has the id of the silence; what only waits has an id of its own.
3. The same reason for the same silence is said once, however often it is looked at.
"""

from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import assert_never
from uuid import UUID

from lingxi_contracts.identity import decision_id, waiting_decision_id
from lingxi_contracts.scheduler import (
    Gate,
    Outcome,
    ProactiveDecided,
    ProactiveSettled,
    WatchEnded,
)
from lingxi_scheduler.domain.gates import FINAL, Closed

DECISION_MINUTES_MAX = 10
"""From a decision to its sending; what was to be said then may not fit later."""
LATE_MINUTES_MAX = 120
"""A silence that should have been looked at longer ago is dropped: nobody was here to look."""

type DecisionEvent = ProactiveDecided | ProactiveSettled | WatchEnded
type Events = tuple[DecisionEvent, ...]


# State


@dataclass(frozen=True, slots=True)
class Skipped:
    """The last time that nothing was sent. `next_at`: until when it was put off."""

    armed_seq: int
    gate: Gate | None
    reason: str
    next_at: datetime | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Decisions:
    """What the next decision needs. `waits` counts the lines about the silence of `skipped`;
    up to `decided_seq` silences are decided for good."""

    decided_seq: int = 0
    pending: ProactiveDecided | None = None
    skipped: Skipped | None = None
    waits: int = 0


NEW = Decisions()


def evolve(decisions: Decisions, event: DecisionEvent, at: datetime) -> Decisions:  # noqa: ARG001 -- the log's form
    """The decisions after one more event."""
    match event:
        case ProactiveDecided():
            if event.gate is None or event.gate in FINAL:
                decided_seq = max(decisions.decided_seq, event.armed_seq)
                decisions = replace(decisions, decided_seq=decided_seq)
            if event.text is not None:
                return replace(decisions, pending=event)
            last = decisions.skipped
            before = decisions.waits if last and last.armed_seq == event.armed_seq else 0
            skipped = Skipped(event.armed_seq, event.gate, event.reason, event.next_at)
            return replace(decisions, skipped=skipped, waits=before + 1)
        case ProactiveSettled():
            return replace(decisions, pending=None)
        case WatchEnded():
            return NEW
        case _:
            assert_never(event)


def put_off_until(decisions: Decisions, armed_seq: int) -> datetime | None:
    """Until when a silence was put off the last time, if it was."""
    last = decisions.skipped
    return last.next_at if last and last.armed_seq == armed_seq else None


# Decisions


@dataclass(frozen=True, slots=True)
class Silence:
    """What is decided about: a session since its message `armed_seq`."""

    session_id: UUID
    agent_id: UUID
    armed_seq: int


@dataclass(frozen=True, slots=True)
class Saying:
    """What the agent wants to say, and why."""

    text: str
    reason: str


def skip(decisions: Decisions, silence: Silence, closed: Closed) -> Events:
    """Nothing is sent now; said again in the same words it is nothing new."""
    said = Skipped(silence.armed_seq, closed.gate, closed.reason)
    if decisions.skipped == said:
        return ()
    last = decisions.skipped
    waits = decisions.waits if last and last.armed_seq == silence.armed_seq else 0
    ends = decision_id(silence.session_id, silence.armed_seq)
    return (
        ProactiveDecided(
            decision_id=ends if closed.gate in FINAL else waiting_decision_id(ends, waits),
            agent_id=silence.agent_id,
            armed_seq=silence.armed_seq,
            reason=closed.reason,
            gate=closed.gate,
            next_at=closed.next_at,
        ),
    )


def drop(silence: Silence, due: datetime) -> Events:
    """The moment to look passed while nobody looked."""
    dropped = decision_id(silence.session_id, silence.armed_seq)
    reason = f"I was away when I wanted to see whether to write, at {due:%Y-%m-%d %H:%M} UTC."
    return (
        ProactiveDecided(
            decision_id=dropped,
            agent_id=silence.agent_id,
            armed_seq=silence.armed_seq,
            reason=reason,
        ),
        ProactiveSettled(decision_id=dropped, outcome="expired", reason=reason),
    )


def write(
    silence: Silence, said: Saying, *, based_on_user_seq: int, day: date, at: datetime
) -> Events:
    """This is to be said, within `DECISION_MINUTES_MAX`."""
    return (
        ProactiveDecided(
            decision_id=decision_id(silence.session_id, silence.armed_seq),
            agent_id=silence.agent_id,
            armed_seq=silence.armed_seq,
            reason=said.reason,
            text=said.text,
            based_on_user_seq=based_on_user_seq,
            expires_at=at + timedelta(minutes=DECISION_MINUTES_MAX),
            counts_for=day,
        ),
    )


def settle(
    decisions: Decisions, decision: UUID, outcome: Outcome, reason: str, message_id: UUID | None
) -> Events:
    """What became of the decision on its way; of another one nothing more is said."""
    pending = decisions.pending
    if pending is None or pending.decision_id != decision:
        return ()
    return (
        ProactiveSettled(
            decision_id=decision,
            outcome=outcome,
            reason=reason,
            message_id=message_id,
            freed=None if outcome == "sent" else pending.counts_for,
        ),
    )
