"""What turns take, stage by stage, how they end, and how many wait for somebody to work on them."""

from typing import Literal, get_args

from prometheus_client import Counter, Gauge, Histogram

from lingxi_chassis.clock import monotonic
from lingxi_chassis.postgres import Pool
from lingxi_chat.domain.turns import Failure, Reply, TurnEnd
from lingxi_chat.projections.open_turns import turns_waiting
from lingxi_contracts.chat import FailureCode

type Stage = Literal["prepare", "first_text", "speak", "record", "whole"]
STAGES: tuple[Stage, ...] = ("prepare", "first_text", "speak", "record", "whole")
"""From the claim until the model is asked; until it says something; until it has said all; until
that is recorded; and all of it."""
OUTCOMES = ("answered", *sorted(get_args(FailureCode)))

SECONDS = Histogram(
    "lingxi_turn_seconds",
    "By stage",
    ["stage"],
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 120),
)
OVERHEAD = Histogram(
    "lingxi_first_token_overhead_seconds",
    "What we add to the model's own time, from the claim until the first words are told",
    buckets=(0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.25, 1, 5),
)
TURNS = Counter("lingxi_turns", "Outcomes recorded, a failure by its code", ["outcome"])
WAITING = Gauge("lingxi_turns_waiting", "Turns that could be worked on, and are not")
WAITING_SECONDS = Gauge("lingxi_turns_waiting_seconds", "How long the oldest of them has waited")

_seconds = {stage: SECONDS.labels(stage) for stage in STAGES}
_turns = {outcome: TURNS.labels(outcome) for outcome in OUTCOMES}


class TurnTimes:
    """The stages of one turn, as they pass."""

    def __init__(self) -> None:
        self._began = self._since = self._prepared = self._heard = 0.0

    def begin(self, claimed_at: float) -> None:
        """It was claimed then, on the clock of durations."""
        self._began = self._since = claimed_at

    def asked(self) -> None:
        """The model is being asked."""
        self._prepared = self._pass("prepare")
        self._heard = 0.0

    def heard(self) -> None:
        """Words came."""
        if not self._heard:
            self._heard = self._pass("first_text")

    def spoken(self, told_at: float) -> None:
        """It has said all; its first words were told then."""
        self._pass("speak")
        if self._heard and told_at:
            OVERHEAD.observe(self._prepared - self._began + told_at - self._heard)

    def recorded(self, end: TurnEnd) -> None:
        """The outcome is committed."""
        now = self._pass("record")
        _seconds["whole"].observe(now - self._began)
        outcome = end.outcome
        if isinstance(outcome, Failure):
            _turns[outcome.code].inc()
        else:
            _turns["answered" if isinstance(outcome, Reply) else "stopped"].inc()

    def _pass(self, stage: Stage) -> float:
        now = monotonic()
        _seconds[stage].observe(now - self._since)
        self._since = now
        return now


async def measure_waiting(pool: Pool) -> None:
    """A reading (`readings`). Raises Unavailable."""
    count, seconds = await turns_waiting(pool)
    WAITING.set(count)
    WAITING_SECONDS.set(seconds)
