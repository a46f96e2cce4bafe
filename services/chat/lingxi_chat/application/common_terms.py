"""Terms that were found to be common: they find nothing, and are the dearest to look for.

By fingerprint, which is an agent's own. A guess that saves a query, for a while.
"""

from collections import OrderedDict
from collections.abc import Iterable, Sequence

KNOWN_SECONDS = 600.0
"""Then it is looked for again: something else may be said more often since then."""
TERMS_MAX = 50_000


class CommonTerms:
    """What this process has found lately. Times are seconds of the clock of durations."""

    def __init__(self, terms_max: int = TERMS_MAX) -> None:
        self._terms_max = terms_max
        self._until = OrderedDict[int, float]()

    def without(self, terms: Sequence[int], now: float) -> list[int]:
        """Those that are worth a look."""
        return [term for term in terms if self._until.get(term, 0.0) <= now]

    def found(self, terms: Iterable[int], now: float) -> None:
        """These are common."""
        for term in terms:
            self._until[term] = now + KNOWN_SECONDS
            self._until.move_to_end(term)
        while len(self._until) > self._terms_max:
            self._until.popitem(last=False)
