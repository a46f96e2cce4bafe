"""How far a session is summarised and reviewed, and how far it is due to be.

Invariants:
1. `bounds` ascend: the last is how far the summary reaches that stands, the others are what it
   falls back to when something that it tells is superseded.
2. No bound is kept that nothing can fall back to: of those before all that can still be
   superseded, only the newest.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

BOUNDS_MAX = 8
"""Then a fall goes deeper than it must; only what was written in between is written again."""


@dataclass(frozen=True, slots=True)
class Marks:
    """Seqs. The due marks are the newest that were told."""

    bounds: tuple[int, ...] = ()
    summary_due_up_to: int = 0
    review_due_up_to: int = 0

    @property
    def covers_up_to(self) -> int:
        """How far the summary reaches that stands; 0: there is none."""
        return self.bounds[-1] if self.bounds else 0

    def before(self, seqs: Sequence[int]) -> int | None:
        """Where the summary falls back to when these are superseded; None: it tells none."""
        oldest = min(seqs, default=self.covers_up_to + 1)
        if oldest > self.covers_up_to:
            return None
        return max((bound for bound in self.bounds if bound < oldest), default=0)


NO_MARKS = Marks()


def written(marks: Marks, covers_up_to: int, may_go_from: int) -> Marks:
    """A summary reaches up to there; only what is from `may_go_from` on can be superseded."""
    bounds = (*marks.bounds, covers_up_to)
    settled = [bound for bound in bounds if bound < may_go_from]
    bounds = bounds[max(len(settled) - 1, 0) :]
    if len(bounds) > BOUNDS_MAX:
        bounds = (bounds[0], *bounds[2:])
    return replace(marks, bounds=bounds)


def withdrawn(marks: Marks, covers_up_to: int) -> Marks:
    """The summary up to there stands again, and what it lacks is due again."""
    return replace(
        marks,
        bounds=tuple(bound for bound in marks.bounds if bound <= covers_up_to),
        summary_due_up_to=min(marks.summary_due_up_to, covers_up_to),
    )
