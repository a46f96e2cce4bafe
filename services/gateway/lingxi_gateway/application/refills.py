"""What a stream that is filled anew tells again, and feeds do not.

Whoever listened was told `reset` and reads everything anew. So what happened well before is no
news for `REFILL_SECONDS_MAX`; of what happened just then, what was told here is not told again.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from lingxi_chassis.clock import monotonic, utc_now
from lingxi_gateway.application.places import Source

REFILL_SECONDS_MAX = 600.0
REFILL_MARGIN = timedelta(seconds=30)
"""Clocks of replicas, and how much later than another one this gateway may find out."""
TOLD_MAX = 10_000
"""Ids of events told within the margin that are remembered."""


class Refills:
    """Which events are repeats. Told of every event that feeds are told."""

    def __init__(self) -> None:
        self._before: dict[Source, tuple[datetime, float]] = {}
        self._told: dict[str, float] = {}

    def begin(self, source: Source) -> None:
        """The stream is being filled anew."""
        self._before[source] = utc_now() - REFILL_MARGIN, monotonic() + REFILL_SECONDS_MAX

    def repeats(self, source: Source, envelope: Mapping[str, Any]) -> bool:
        """Whether an event is no news."""
        refill = self._before.get(source)
        if refill is None:
            return False
        before, ends = refill
        if monotonic() >= ends:
            del self._before[source]
            return False
        return envelope["id"] in self._told or datetime.fromisoformat(envelope["time"]) < before

    def told(self, event_id: str) -> None:
        """Feeds were told of this one."""
        now = monotonic()
        self._told[event_id] = now
        while len(self._told) > TOLD_MAX or self._oldest() < now - REFILL_MARGIN.total_seconds():
            del self._told[next(iter(self._told))]

    def _oldest(self) -> float:
        return next(iter(self._told.values()))
