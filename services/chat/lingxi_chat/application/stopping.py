"""What cuts a model call short: the user's wish that the turn end, or the loss of NATS."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager


class Stopped(Exception):
    """The user stopped the turn."""


class CutOff(Exception):
    """Nobody can be told what the model says: the turn is for whoever claims it next."""


class Stopping:
    """Asked for once, it stays; what it interrupts is only what is opened to it."""

    def __init__(self) -> None:
        self.requested = False
        self.cut_off = False
        self._scope: asyncio.Timeout | None = None

    def request(self) -> None:
        """Cut the body of `interrupting` short, now or when it begins. Repeats change nothing."""
        if not self.requested:
            self.requested = True
            self._interrupt()

    def lose(self) -> None:
        """The same because NATS is lost; a user's wish is stronger."""
        if not self.cut_off:
            self.cut_off = True
            self._interrupt()

    def _interrupt(self) -> None:
        # Once: a scope that expires already can't be told again.
        scope, self._scope = self._scope, None
        if scope is not None:
            scope.reschedule(asyncio.get_running_loop().time())

    @asynccontextmanager
    async def interrupting(self) -> AsyncGenerator[None]:
        """Raises Stopped or CutOff in place of the body's cancellation. A body that ended, has
        ended."""
        if self.requested or self.cut_off:
            raise self._reason()
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
            raise self._reason() from None

    def _reason(self) -> Stopped | CutOff:
        return Stopped() if self.requested else CutOff()
