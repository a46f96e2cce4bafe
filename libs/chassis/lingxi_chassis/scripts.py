"""A text taken apart: into words, and into pairs of characters where no spaces part the words.

Chinese, Japanese, Thai and the like need no dictionary so: neighbouring characters stand for words
there. What chat has indexed was taken apart like this: other runs would not be found in it.
"""

import re

_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Burmese, Khmer
    "\u3040-\u30ff\u31f0-\u31ff"  # kana
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"  # Han
    "\uac00-\ud7af"  # Hangul: spaced, but words carry their particles
)
_RUNS = re.compile(rf"[{_UNSPACED}]+|[^\W_{_UNSPACED}]+")
_UNSPACED_CHAR = re.compile(f"[{_UNSPACED}]")


def runs_of(text: str) -> list[str]:
    """The text's words, and what stands together in scripts without spaces, in their order."""
    return _RUNS.findall(text)


def is_unspaced(run: str) -> bool:
    """Whether a run is of a script without spaces: all of it is, or nothing."""
    return not run.isascii() and _UNSPACED_CHAR.match(run) is not None


def pairs_of(run: str) -> list[str]:
    """Of neighbouring characters; a single one has none."""
    return [run[at : at + 2] for at in range(len(run) - 1)]
