"""A reply's bubbles while it is still being said.

Invariants, whatever the text and however it comes in pieces:
1. What is shown of a bubble only grows, and ends as `bubbles.split_reply` of the whole text: held
   back is what may turn out to be syntax, to be left out, or to be space at a bubble's end.
2. So no raw syntax is shown, nor a part of it that could still become some.
3. What is shown stands by itself: a reply that is stopped leaves whole bubbles and a beginning.

The original product's JSON syntax is held back as a whole, and so is all that comes after it: the
model was asked for the other one.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

from lingxi_chat.domain.bubbles import (
    BUBBLES_MAX,
    LIST,
    NEXT,
    REPLY_CHARS_MAX,
    UNSTORABLE,
    gone_on,
    split_reply,
    without_cut_mark,
)


def _begun(*steps: str) -> str:
    """A pattern for every beginning, at the text's end, of what these steps match in turn."""
    return reduce(lambda rest, step: rf"{step}(?:\Z|{rest})", reversed(steps), r"\Z")


_OBJECT = (r"\{\s*", '"', *"messages", r'"\s*')
_FENCED_OBJECT = ("`", "`", r"`[a-z]*\s*", *_OBJECT)
_MAYBE_LIST = re.compile(f"{_begun(*_FENCED_OBJECT)}|{_begun(*_OBJECT)}", re.IGNORECASE)
_MAYBE_NEXT = re.compile(r"<(?:n(?:e(?:xt?)?)?)?\Z", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Piece:
    """Text to show: it stands at `offset_chars` of the bubble."""

    bubble: int
    offset_chars: int
    text: str


class Splitter:
    """Takes a reply as it comes; gives what can be shown of it."""

    def __init__(self) -> None:
        self._chars = 0
        self._texts: list[str] = []
        self._shown: list[str] = []
        self._held = ""
        self._part_shown = False
        self._listing = False

    @property
    def shown(self) -> tuple[str, ...]:
        """What was given out so far, by bubble."""
        return tuple(self._shown)

    def feed(self, text: str) -> list[Piece]:
        """What can be shown now that this came, too; pieces of a bubble in its order."""
        text = UNSTORABLE.sub("", text)[: REPLY_CHARS_MAX - self._chars]
        if not text:
            return []
        self._chars += len(text)
        self._texts.append(text)
        if self._listing:
            return []
        self._held += text
        if "{" in self._held and (found := LIST.search(self._held)):
            self._listing = True
            return self._settle(found.start(), ends=True)
        may_be = ("{" in self._held or "`" in self._held) and _MAYBE_LIST.search(self._held)
        return self._settle(may_be.start() if may_be else len(self._held))

    def finish(self) -> list[Piece]:
        """The reply is over: all that is still to be shown."""
        pieces: list[Piece] = []
        for bubble, text in enumerate(split_reply("".join(self._texts))):
            if bubble == len(self._shown):
                self._shown.append("")
            if rest := text[len(self._shown[bubble]) :]:
                pieces.append(Piece(bubble, len(self._shown[bubble]), rest))
                self._shown[bubble] = text
        return pieces

    def _trimmed(self, end: int) -> str:
        return without_cut_mark(self._held[:end], begins=not self._part_shown)

    def _settle(self, end: int, *, ends: bool = False) -> list[Piece]:
        """Show what is settled of the text held back, before `end`, where the part may end."""
        pieces: list[Piece] = []
        while border := NEXT.search(self._held, 0, end):
            pieces += self._show(self._trimmed(border.start()))
            self._held = self._held[border.end() :]
            end -= border.end()
            self._part_shown = False
        maybe = None if ends else _MAYBE_NEXT.search(self._held, 0, end)
        # Whether or not it becomes a border: what comes before it may have to go with it.
        settled = self._trimmed(maybe.start() if maybe else end)
        if settled:
            at = self._held.index(settled)
            pieces += self._show(settled)
            self._held = self._held[at + len(settled) :]
        return pieces

    def _show(self, text: str) -> list[Piece]:
        if not text:
            return []
        if not self._part_shown and len(self._shown) == BUBBLES_MAX:
            text = gone_on(self._shown[-1], text)
            if not text:
                return []
        elif not self._part_shown:
            self._shown.append("")
        self._part_shown = True
        bubble = len(self._shown) - 1
        piece = Piece(bubble, len(self._shown[bubble]), text)
        self._shown[bubble] += text
        return [piece]


def joined(pieces: Sequence[Piece]) -> list[Piece]:
    """The same with one piece for what follows on in a bubble."""
    whole: list[Piece] = []
    for piece in pieces:
        if whole and whole[-1].bubble == piece.bubble:
            begun = whole.pop()
            whole.append(Piece(begun.bubble, begun.offset_chars, begun.text + piece.text))
        else:
            whole.append(piece)
    return whole
