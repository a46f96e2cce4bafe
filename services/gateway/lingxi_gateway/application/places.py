"""Where a reader of the two streams stands: the feed's cursor.

A place is when the stream was made (`created`, microseconds since 1970) and the sequence of the
last event that was taken from it. A stream that is made anew, or emptied and filled anew, begins
another life: a place in an earlier one says nothing of what was told since.
"""

import re
from dataclasses import dataclass
from typing import Literal, Self

from lingxi_chassis.fillings import filling_behind

CURSOR_CHARS_MAX = 100
"""Four numbers of 64 bits and three signs between them, with room to spare."""

type Source = Literal["chat", "agent"]
SOURCES: tuple[Source, ...] = ("agent", "chat")
"""What the feed tells of, in the order of catching up: an agent before its sessions."""

_form = re.compile(r"([0-9]{1,19})-([0-9]{1,19})\.([0-9]{1,19})-([0-9]{1,19})")


@dataclass(frozen=True, slots=True)
class Place:
    """Behind the event `seq` of one life of a stream; 0: before the first."""

    created: int
    seq: int

    @property
    def life(self) -> tuple[int, int]:
        """Which life of the stream: when it was made, and its filling."""
        return self.created, filling_behind(self.seq)


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in each stream. Its text is opaque to clients."""

    chat: Place
    agent: Place

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """The cursor of a text of ours; None: it is none."""
        form = _form.fullmatch(text)
        if form is None:
            return None
        chat_created, chat_seq, agent_created, agent_seq = map(int, form.groups())
        return cls(Place(chat_created, chat_seq), Place(agent_created, agent_seq))

    def __str__(self) -> str:
        return f"{self.chat.created}-{self.chat.seq}.{self.agent.created}-{self.agent.seq}"

    def of(self, source: Source) -> Place:
        """The place in one stream."""
        return self.chat if source == "chat" else self.agent

    def at(self, source: Source, seq: int) -> "Cursor":
        """The same but behind that event of one stream."""
        if source == "chat":
            return Cursor(Place(self.chat.created, seq), self.agent)
        return Cursor(self.chat, Place(self.agent.created, seq))
