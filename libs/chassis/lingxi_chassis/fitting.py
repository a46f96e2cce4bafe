"""Which texts fit what is talked about, as far as their terms tell: words, and pairs of characters
(`scripts`)."""

import unicodedata
from collections import Counter
from collections.abc import Sequence

from lingxi_chassis.scripts import is_unspaced, pairs_of, runs_of


def terms(text: str) -> frozenset[str]:
    """The terms of a text."""
    found: set[str] = set()
    for run in runs_of(unicodedata.normalize("NFKC", text).casefold()):
        if len(run) > 1 and is_unspaced(run):
            found.update(pairs_of(run))
        else:
            found.add(run)
    return frozenset(found)


def fitting(texts: Sequence[str], about: str, chars_max: int) -> tuple[str, ...]:
    """Those that fit best what is talked about, best first, as many as fit into `chars_max`.

    A shared term counts the more, the fewer texts have it. Among equals the order stays.
    """
    wanted = terms(about)
    shared = [terms(text) & wanted for text in texts] if wanted else [wanted] * len(texts)
    frequency = Counter(term for found in shared for term in found)
    scores = [sum(1 / frequency[term] for term in found) for found in shared]
    chosen: list[str] = []
    left = chars_max
    for index in sorted(range(len(texts)), key=lambda index: -scores[index]):
        if len(texts[index]) <= left:
            chosen.append(texts[index])
            left -= len(texts[index])
    return tuple(chosen)
