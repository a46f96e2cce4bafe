"""What summarizer needs of the world, and of its own tasks."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Protocol
from uuid import UUID
from weakref import WeakValueDictionary

from lingxi_chassis.model.errors import BadAnswer
from lingxi_summarizer.domain.asking import Question

ANSWERS_MAX = 2
"""To one question, before it is given up as not understood."""


class Model(Protocol):
    """Whoever answers questions."""

    context_tokens: int

    def tokens(self, text: str) -> int:
        """What a text costs, about."""
        ...

    async def ask(self, question: Question) -> object:
        """JSON, meant to be of the question's schema.

        Raises:
            Unavailable: nobody answers right now.
            ContextTooLong, ModelRefused, BadAnswer: this question gets no answer.
        """
        ...


async def answered[T](model: Model, question: Question, read: Callable[[object], T]) -> T:
    """What is read of an answer; asked anew if it is none of that form. Raises as `ask`."""
    for _ in range(ANSWERS_MAX - 1):
        try:
            return read(await model.ask(question))
        except BadAnswer:
            continue
    return read(await model.ask(question))


@dataclass(frozen=True, slots=True)
class Due:
    """Something that fell due in a session when it reached `to_seq`, told by this version of its
    stream."""

    user_id: UUID
    session_id: UUID
    to_seq: int
    version: int


@dataclass(eq=False)
class Turn:
    """A session, while somebody looks at it or waits to; what was due by `done_version` of its
    stream, up to `done_up_to`, is done."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    done_version: int = 0
    done_up_to: int = 0

    def did(self, version: int, up_to_seq: int) -> None:
        """It was done up to there with what was known by that version."""
        self.done_version, self.done_up_to = version, up_to_seq

    def is_done(self, due: Due) -> bool:
        """Whether it was known, and done, with what was done last."""
        return due.version <= self.done_version and due.to_seq <= self.done_up_to


class OneAtATime:
    """Each session's turn, `settle_seconds` after the first asks for it.

    Of several dues of one session the first does what all of them want, and the others find it
    done: a session that talks faster than that is looked at less often than it falls due. It only
    saves calls. What is recorded once is so by the owners.
    """

    def __init__(self, settle_seconds: float) -> None:
        self._settle_seconds = settle_seconds
        self._turns = WeakValueDictionary[UUID, Turn]()

    @asynccontextmanager
    async def __call__(self, due: Due) -> AsyncGenerator[Turn | None]:
        """The turn of its session; None: somebody else did it meanwhile."""
        turn = self._turns.setdefault(due.session_id, Turn())
        async with turn.lock:
            if turn.is_done(due):
                yield None
            else:
                await asyncio.sleep(self._settle_seconds)
                yield turn
