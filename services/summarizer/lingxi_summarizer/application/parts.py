"""What summarizer needs of the world, and of its own tasks."""

import asyncio
from collections.abc import Callable
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


class OneAtATime:
    """A lock for each session: of several events about one, the second finds the work done.

    It only saves model calls. What is recorded once is so by the owners.
    """

    def __init__(self) -> None:
        self._locks = WeakValueDictionary[UUID, asyncio.Lock]()

    def __call__(self, session_id: UUID) -> asyncio.Lock:
        lock = self._locks.get(session_id)
        if lock is None:
            lock = self._locks[session_id] = asyncio.Lock()
        return lock
