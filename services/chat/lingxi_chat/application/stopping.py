"""A user's wish that a turn end, on its way to the worker that holds it."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager


class Stopped(Exception):
    """The user stopped the turn."""


class Stopping:
    """Asked for once, it stays; what it interrupts is only what is opened to it."""

    def __init__(self) -> None:
        self.requested = False
        self._scope: asyncio.Timeout | None = None

    def request(self) -> None:
        """Cut the body of `interrupting` short, now or when it begins. Repeats change nothing."""
        if self.requested:
            return
        self.requested = True
        if self._scope is not None:
            self._scope.reschedule(asyncio.get_running_loop().time())

    @asynccontextmanager
    async def interrupting(self) -> AsyncGenerator[None]:
        """Raises Stopped in place of the body's cancellation. A body that ended, has ended."""
        if self.requested:
            raise Stopped
        scope = asyncio.timeout(None)
        try:
            async with scope:
                self._scope = scope
                try:
                    yield
                finally:
                    self._scope = None
        except TimeoutError:
            if not scope.expired():
                raise
            raise Stopped from None
