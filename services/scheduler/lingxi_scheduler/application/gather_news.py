"""Gather what is heard of a session in a moment, and write it down together.

A turn is told in five events within a fraction of a second; a watch looks at minutes. Each write is
a read and a commit, so one for all of them costs a fifth. They come in batches already.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import reduce
from uuid import UUID

from lingxi_scheduler.application.watch_sessions import News
from lingxi_scheduler.domain.watch import Watch

GATHER_SECONDS = 0.01

type Hear = Callable[[UUID, UUID, News], Awaitable[None]]


class GatherNews:
    """Hands the news of each session to `hear`, so long after the first of them."""

    def __init__(self, hear: Hear, gather_seconds: float = GATHER_SECONDS) -> None:
        self._hear = hear
        self._gather_seconds = gather_seconds
        self._gathering: dict[UUID, tuple[list[News], asyncio.Task[None]]] = {}

    async def __call__(self, session_id: UUID, user_id: UUID, news: News) -> None:
        """Returns once it is written down, or raises what kept all of them from it."""
        if session_id not in self._gathering:
            gathered: list[News] = []
            writing = asyncio.create_task(self._write(session_id, user_id, gathered))
            self._gathering[session_id] = gathered, writing
        gathered, writing = self._gathering[session_id]
        gathered.append(news)
        await asyncio.shield(writing)  # who gives up waiting takes nobody along

    async def _write(self, session_id: UUID, user_id: UUID, gathered: Sequence[News]) -> None:
        await asyncio.sleep(self._gather_seconds)
        del self._gathering[session_id]

        def together(watch: Watch) -> Watch:
            return reduce(lambda known, news: news(known), gathered, watch)

        await self._hear(session_id, user_id, together)
