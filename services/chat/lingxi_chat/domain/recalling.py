"""Which of the found messages are recalled: those that fit the newest one, within a budget.

Invariants:
1. At most `RECALLED_MESSAGES_MAX` and `RECALLED_CHARS_MAX`, the best ones, told in order of time.
2. Nothing is told twice, and what merely shares a word or two that are frequent is not told.
"""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from lingxi_chat.domain.prompt import Said
from lingxi_chat.domain.terms import terms_of

RECALLED_MESSAGES_MAX = 6
RECALLED_CHARS_MAX = 2_000
EXCERPT_CHARS_MAX = 500
"""Of one message; a longer one is cut to where it fits best."""

FITTING_WEIGHT = 3.0
"""Of the terms in common: together they are in one of e**3, that is 20, messages."""
FITTING_SHARE = 0.3
"""Of the weight of all terms that were asked for and that any message has."""
FIT_SHARE_OF_BEST = 0.5
"""What fits much less than the best found does not fit."""
LIKENESS_MARGIN = 0.5
"""In standard deviations, beyond the most that one of so many would have by chance."""

_SENTENCE = re.compile(r"[^.!?。！？\n]*[.!?。！？\n]*\s*")


@dataclass(frozen=True, slots=True)
class Found:
    """A message, and how well it fits: from 1 on it does."""

    session_id: UUID
    said: Said
    fit: float


def fit_of_terms(weight: float, weight_of_all: float) -> float:
    """Of a message that holds terms of this weight of those asked for."""
    return min(weight / FITTING_WEIGHT, weight / (FITTING_SHARE * weight_of_all))


def fit_of_likeness(deviations: float, messages: int) -> float:
    """Of a message whose likeness is so many standard deviations above the mean of so many.

    What is alike differs from model to model; standing out from all others does not.
    """
    by_chance = math.sqrt(2 * math.log(max(messages, 2)))
    return deviations / (by_chance + LIKENESS_MARGIN)


def choose(found: Iterable[Found], asked: str) -> Sequence[Said]:
    """What is recalled for a text, out of what was found for it in any ways."""
    best: dict[tuple[UUID, int], Found] = {}
    for one in found:
        if one.fit >= 1:
            place = (one.session_id, one.said.seq)
            before = best.get(place)
            # Found in two ways: it fits better than by either.
            best[place] = replace(one, fit=one.fit + before.fit) if before else one
    terms = frozenset(terms_of(asked))
    chosen: dict[str, Said] = {}
    left = RECALLED_CHARS_MAX
    fittest = max((one.fit for one in best.values()), default=0.0)
    for one in sorted(best.values(), key=lambda one: (one.fit, one.said.at), reverse=True):
        if one.fit < FIT_SHARE_OF_BEST * fittest:
            break
        text = excerpt(one.said.text, terms)
        if len(text) <= left and text.casefold() not in chosen:
            chosen[text.casefold()] = one.said._replace(text=text)
            left -= len(text)
        if len(chosen) == RECALLED_MESSAGES_MAX:
            break
    return sorted(chosen.values(), key=lambda said: said.at)


def excerpt(text: str, terms: frozenset[str]) -> str:
    """The text, or of a long one the sentences from the one with the most of these terms on."""
    if len(text) <= EXCERPT_CHARS_MAX:
        return text
    starts = [match.start() for match in _SENTENCE.finditer(text) if match.group()]

    def terms_from(start: int) -> int:
        return len(terms.intersection(terms_of(text[start : start + EXCERPT_CHARS_MAX // 2])))

    start = max(starts, key=terms_from)
    end = start + EXCERPT_CHARS_MAX - 2
    return f"{'…' if start else ''}{text[start:end].strip()}{'…' if end < len(text) else ''}"
