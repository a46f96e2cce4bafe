"""What summarizer needs of the world, and of its own tasks."""

import asyncio
from typing import Protocol
from uuid import UUID
from weakref import WeakValueDictionary

from lingxi_summarizer.domain.asking import Question


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
