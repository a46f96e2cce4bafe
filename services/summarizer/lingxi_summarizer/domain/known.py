"""What an agent knows already, as far as new messages touch on it.

A model that sees what is known leaves it out of what it finds, and says what a new fact corrects.
"""

import re
from collections.abc import Sequence

from lingxi_contracts.agent import MemoryView

KNOWN_CHARS_MAX = 2_000
KNOWN_FACTS_MAX = 30

_WORD = re.compile(r"[^\W\d_]{3,}")
_WIDE = re.compile(r"[\u3400-\u9fff\uf900-\ufaff\u3040-\u30ff\uac00-\ud7af]+")


def known_about(memories: Sequence[MemoryView], text: str) -> list[MemoryView]:
    """Memories that share the most words with a text first, of equals the newest; bounded."""
    about = _terms(text)
    ranked = sorted(
        enumerate(memories),
        key=lambda placed: (len(about & _terms(placed[1].text)), placed[0]),
        reverse=True,
    )
    chosen: list[MemoryView] = []
    left = KNOWN_CHARS_MAX
    for _, memory in ranked[:KNOWN_FACTS_MAX]:
        left -= len(memory.text)
        if left < 0:
            break
        chosen.append(memory)
    return chosen


def _terms(text: str) -> set[str]:
    """Words; of scripts that write none apart, pairs of characters."""
    low = text.casefold()
    pairs = (run[at : at + 2] for run in _WIDE.findall(low) for at in range(max(1, len(run) - 1)))
    return {*_WORD.findall(low), *pairs}
