"""Gather what is heard of sessions in a moment, and write it down together.

A turn is told in five events within a fraction of a second; a watch looks at minutes. Each write is
a read and a commit, so one for all of them costs a fraction. They come in batches already.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import reduce
from uuid import UUID

from lingxi_scheduler.application.watch_sessions import News
from lingxi_scheduler.domain.watch import Watch

GATHER_SECONDS = 0.01

type Hear = Callable[[Mapping[UUID, News], Mapping[UUID, UUID]], Awaitable[None]]


class _Gathering:
    """News by session, and whose they are."""

    def __init__(self) -> None:
        self.news: dict[UUID, list[News]] = {}
        self.users: dict[UUID, UUID] = {}

    def together(self) -> dict[UUID, News]:
        """One piece of news a session."""
        return {session_id: _one_of(news) for session_id, news in self.news.items()}


def _one_of(all_news: list[News]) -> News:
    def together(watch: Watch) -> Watch:
        return reduce(lambda known, news: news(known), all_news, watch)

    return together


class GatherNews:
    """Hands the news of all sessions to `hear`, so long after the first of them."""

    def __init__(self, hear: Hear, gather_seconds: float = GATHER_SECONDS) -> None:
        self._hear = hear
        self._gather_seconds = gather_seconds
        self._gathering: tuple[_Gathering, asyncio.Task[None]] | None = None

    async def __call__(self, session_id: UUID, user_id: UUID, news: News) -> None:
        """Returns once it is written down, or raises what kept all of them from it."""
        if self._gathering is None:
            begun = _Gathering()
            self._gathering = begun, asyncio.create_task(self._write(begun))
        gathering, writing = self._gathering
        gathering.news.setdefault(session_id, []).append(news)
        gathering.users[session_id] = user_id
        await asyncio.shield(writing)  # who gives up waiting takes nobody along

    async def _write(self, gathering: _Gathering) -> None:
        await asyncio.sleep(self._gather_seconds)
        self._gathering = None
        await self._hear(gathering.together(), gathering.users)
