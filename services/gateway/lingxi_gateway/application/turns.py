"""What a user's feeds were told about turns, as far as deltas depend on it. Bounded."""

from collections.abc import Mapping
from typing import Any

TURNS_MAX = 64


class Turns:
    """The newest turns of one user: those that ended, and the attempt of those that speak."""

    def __init__(self) -> None:
        self._ended: dict[str, None] = {}
        self._attempts: dict[str, int] = {}

    def end(self, turn_id: str) -> None:
        """The turn has ended: what it still says is late."""
        self._attempts.pop(turn_id, None)
        self._ended[turn_id] = None
        if len(self._ended) > TURNS_MAX:
            del self._ended[next(iter(self._ended))]

    def has_ended(self, turn_id: str | None) -> bool:
        """Whether its end was told."""
        return turn_id in self._ended

    def speaks(self, delta: Mapping[str, Any]) -> bool:
        """Whether a delta is to be told: not after the end, nor of a lower attempt. Notes it."""
        turn_id: str = delta["turn_id"]
        attempt: int = delta["attempt"]
        if turn_id in self._ended or attempt < self._attempts.get(turn_id, 0):
            return False
        self._attempts[turn_id] = attempt
        if len(self._attempts) > TURNS_MAX:
            del self._attempts[next(iter(self._attempts))]
        return True
