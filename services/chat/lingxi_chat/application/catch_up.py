"""Catch up: index what no event will tell of.

Sessions from before there was the index, those that an interrupted rebuild left, and, after the
embedding model has changed, all. Once when the service starts, and when the index was forgotten;
never by the clock. Any number of replicas may do it.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from uuid import UUID

import structlog

from lingxi_contracts.errors import Unavailable

PAUSE_SECONDS = 5.0
"""When the database or the model is away."""

type Walk = Callable[[], AsyncGenerator[UUID]]
"""The sessions that are behind."""
type Index = Callable[[UUID], Awaitable[None]]
"""Brings one session up to date. Raises Unavailable."""
type Behind = tuple[Walk, Index]
"""A way in which sessions can be behind."""

log = structlog.get_logger(__name__)


class CatchUp:
    """The ways that sessions can be behind. `run` until cancelled; `again` begins anew."""

    def __init__(self, ways: Sequence[Behind]) -> None:
        self._ways = ways
        self._due = asyncio.Event()
        self._due.set()

    def again(self) -> None:
        """Sessions have fallen behind."""
        self._due.set()

    async def run(self) -> None:
        """Look at all sessions when it is due, until cancelled."""
        while True:
            await self._due.wait()
            self._due.clear()
            for walk, index in self._ways:
                await self._until_done(walk, index)

    async def _until_done(self, walk: Walk, index: Index) -> None:
        while True:
            try:
                async with aclosing(walk()) as sessions:
                    async for session_id in sessions:
                        await index(session_id)
            except Unavailable:
                log.warning("not_caught_up")
                await asyncio.sleep(PAUSE_SECONDS)
            else:
                return
