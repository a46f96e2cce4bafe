"""What became of silences, and how many sessions are due that nobody has looked at yet."""

from typing import get_args

from prometheus_client import Counter, Gauge

from lingxi_chassis.postgres import Pool
from lingxi_contracts.scheduler import Gate, Outcome, ProactiveDecided, ProactiveSettled
from lingxi_scheduler.application.parts import Clock
from lingxi_scheduler.domain.decisions import Events
from lingxi_scheduler.projections.watches import overdue

WRITE = "write"
DROPPED = "dropped"

DECISIONS = Counter(
    "lingxi_proactive_decisions",
    f"Recorded, by the gate that was closed; `{WRITE}`: to write, `{DROPPED}`: nobody looked",
    ["gate"],
)
OUTCOMES = Counter("lingxi_proactive_outcomes", "What became of decisions to write", ["outcome"])
DUE = Gauge("lingxi_timers_due", "Sessions that are due and that nobody looks at")
LATE_SECONDS = Gauge("lingxi_timers_late_seconds", "How long the oldest of them has been due")

_decisions = {gate: DECISIONS.labels(gate) for gate in (WRITE, DROPPED, *get_args(Gate))}
_outcomes = {outcome: OUTCOMES.labels(outcome) for outcome in get_args(Outcome)}


def count_decisions(events: Events) -> None:
    """Count what was recorded."""
    for event in events:
        if isinstance(event, ProactiveDecided):
            decided = WRITE if event.text is not None else DROPPED
            _decisions[event.gate or decided].inc()
        elif isinstance(event, ProactiveSettled):
            _outcomes[event.outcome].inc()


async def measure_due(pool: Pool, clock: Clock) -> None:
    """A reading (`readings`). Raises Unavailable."""
    count, seconds = await overdue(pool, clock.now())
    DUE.set(count)
    LATE_SECONDS.set(seconds)
