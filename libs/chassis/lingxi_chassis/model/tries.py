"""Trying again: how often, how long, and under which model's name.

A call is tried `attempts_max` times, and no try starts later than `budget_seconds` after the
first: a provider that stays silent is not asked twice, one that refuses quickly is. An unknown
model name is replaced by the default one, once, without counting as a try.
"""

import asyncio
import random
from dataclasses import dataclass

import structlog

from lingxi_chassis.clock import monotonic
from lingxi_chassis.model.errors import ModelFailure, ModelNotFound, ModelTimeout

_log = structlog.stdlib.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Bounds of one call. Pauses double from `pause_seconds` up to `pause_seconds_max`."""

    attempts_max: int = 3
    budget_seconds: float = 20.0
    pause_seconds: float = 0.5
    pause_seconds_max: float = 4.0


class Tries:
    """The tries of one call."""

    def __init__(
        self, policy: RetryPolicy, model: str, default_model: str, deadline_seconds: float
    ) -> None:
        self._policy = policy
        self._default_model = default_model
        self._failed = 0
        self.started = monotonic()
        self.deadline = self.started + deadline_seconds
        self.model = model
        self.fallback_from: str | None = None

    def fall_back(self) -> None:
        """Goes on under the default model's name."""
        self.fallback_from, self.model = self.model, self._default_model

    def seconds_left(self) -> float:
        """Until the deadline. Raises ModelTimeout when there are none."""
        left = self.deadline - monotonic()
        if left <= 0:
            raise ModelTimeout("deadline")
        return left

    async def again(self, failure: ModelFailure) -> None:
        """Waits until the next try may start; raises the failure when there is to be none."""
        if isinstance(failure, ModelNotFound) and self.model != self._default_model:
            # Without its name: a user chose it, and it may be any text.
            _log.warning("model unknown", fallback=self._default_model)
            self.fall_back()
        else:
            self._failed += 1
            pause = self._pause(failure)
            if pause is None:
                raise failure
            _log.warning(
                "model call failed, trying again",
                code=failure.code,
                attempt=self._failed,
                pause_seconds=round(pause, 3),
                default_model=self.model == self._default_model,
            )
            await asyncio.sleep(pause)

    def _pause(self, failure: ModelFailure) -> float | None:
        policy = self._policy
        if not failure.retryable or self._failed >= policy.attempts_max:
            return None
        pause = min(policy.pause_seconds * 2 ** (self._failed - 1), policy.pause_seconds_max)
        pause *= random.uniform(0.5, 1.0)
        if failure.retry_after_seconds is not None:
            pause = max(pause, failure.retry_after_seconds)
        starts = monotonic() + pause
        if starts >= min(self.started + policy.budget_seconds, self.deadline):
            return None
        return pause
