"""Rate limits: requests a minute, counted in memory by each replica. 0 means none.

A fixed window: whatever the number of clients, a request costs one dictionary entry, and a minute
later all are dropped (docs/decisions/0008).
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from uuid import UUID

from lingxi_chassis.clock import monotonic
from lingxi_gateway.domain.refusals import TooManyRequests

WINDOW_SECONDS = 60.0


class Window:
    """At most `limit` requests of each key in a minute."""

    def __init__(self, limit: int, now: Callable[[], float] = monotonic) -> None:
        self._limit = limit
        self._now = now
        self._ends_at = 0.0
        self._counts: dict[str | UUID, int] = {}

    def count(self, key: str | UUID) -> None:
        """Count one request.

        Raises:
            TooManyRequests: it is one too many; the fact says when to try again.
        """
        if not self._limit:
            return
        now = self._now()
        if now >= self._ends_at:
            self._counts.clear()
            self._ends_at = now + WINDOW_SECONDS
        counted = self._counts.get(key, 0)
        if counted >= self._limit:
            raise TooManyRequests(retry_after_seconds=max(1, ceil(self._ends_at - now)))
        self._counts[key] = counted + 1


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of a replica: what costs a model call by user, everything by address."""

    model_calls: Window
    requests: Window


def limits(per_user: int, per_address: int) -> Limits:
    """Limits of so many requests a minute; 0 = none."""
    return Limits(Window(per_user), Window(per_address))
