"""An agent's manners in writing first: how soon, how often, and when not.

Source: architecture 5, "Proactivity": caps a day and first back-offs by behaviour.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from lingxi_contracts.agent import (
    INACTIVITY_CHECK_MINUTES_DEFAULT,
    AgentParameters,
    AgentTimings,
    QuietHours,
)

DOUBLINGS_MAX = 8
"""Of a back-off; more silence than that never stays unanswered so often."""

type Behaviour = Literal["off", "conservative", "balanced", "aggressive"]

_DAILY_CAP: dict[Behaviour, int] = {"off": 0, "conservative": 1, "balanced": 3, "aggressive": 8}
_FIRST_BACK_OFF: dict[Behaviour, timedelta] = {
    "off": timedelta(hours=24),
    "conservative": timedelta(hours=24),
    "balanced": timedelta(hours=4),
    "aggressive": timedelta(hours=1),
}


@dataclass(frozen=True, slots=True)
class Manners:
    """What a user set for an agent; the defaults are those of a new agent."""

    behaviour: Behaviour = "balanced"
    inactivity_minutes: int = INACTIVITY_CHECK_MINUTES_DEFAULT
    quiet_hours: QuietHours | None = None
    own_daily_cap: int | None = None

    @property
    def daily_cap(self) -> int:
        """Messages a day of the user's."""
        return _DAILY_CAP[self.behaviour] if self.own_daily_cap is None else self.own_daily_cap

    def silence_before(self, unanswered: int) -> timedelta:
        """How long nobody writes before the agent does, after so many messages without answer."""
        if unanswered == 0:
            return timedelta(minutes=self.inactivity_minutes)
        return _FIRST_BACK_OFF[self.behaviour] * 2 ** min(unanswered - 1, DOUBLINGS_MAX)


def manners_of(parameters: AgentParameters, timings: AgentTimings | None) -> Manners:
    """The manners in an agent's settings."""
    timings = timings or AgentTimings()
    return Manners(
        behaviour=parameters.proactive_behavior,
        inactivity_minutes=timings.inactivity_check_minutes,
        quiet_hours=timings.quiet_hours,
        own_daily_cap=timings.daily_cap,
    )
