"""The pull subscription that FastStream's loop fetches from, without that loop's traps.

FastStream retries a fetch that fails at once, for ever and silently, forgets at shutdown what it
fetched ahead, and holds a batch back until it is full or all of the fetch's time is over. Here a
failure is told and paused on, every message is in hand until answered, and a batch goes out once it
is gathered.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress

import structlog
from nats.aio.msg import Msg
from nats.errors import Error as NatsError, TimeoutError as NatsTimeoutError
from nats.js import JetStreamContext

from lingxi_chassis.clock import monotonic
from lingxi_chassis.consumers.handling import Handling

FAILED_PAUSE_SECONDS = 0.5
BATCH_SECONDS = 0.2
"""After the first event of a batch, for those right behind it. Nothing is asked for meanwhile: one
by one each would wake the server and this process."""
BUSY_EVENTS = 100
BUSY_SECONDS = 1.0
"""In place of `BATCH_SECONDS` after a batch of more than so many: it costs little more than a small
one."""
REST_SECONDS = 0.05
"""For the rest of a batch to come over."""
DRAIN_TRIES_MAX = 16
DRAIN_SECONDS = 0.05

log = structlog.get_logger(__name__)


class HandledPull:
    """Stands in for the library's subscription, fetching so many at most.

    `in_doubt`: the consumer may have vanished.
    """

    def __init__(
        self,
        pull: JetStreamContext.PullSubscription,
        handling: Handling,
        batch_events: int,
        in_doubt: Callable[[], None],
    ) -> None:
        self._pull = pull
        self._handling = handling
        self._batch_events = batch_events
        self._in_doubt = in_doubt
        self._gather_seconds = BATCH_SECONDS
        self._fetching: asyncio.Task[list[Msg]] | None = None
        self._closed = False

    async def fetch(self, batch: int, timeout: float | None) -> list[Msg]:
        """The next messages; none, if there are none in time or something is wrong.

        Raises:
            nats.errors.TimeoutError: this asks for the rest of a batch, and it has none.
        """
        if self._closed:
            await asyncio.Event().wait()  # until cancelled with its loop
        if batch < self._batch_events:
            raise NatsTimeoutError
        began = monotonic()
        messages = await self._fetched(1, timeout)
        if messages and batch > 1:
            # The library's own fetch of many waits for all of them, or for all of its time.
            await asyncio.sleep(self._gather_seconds)
            messages += [] if self._closed else await self._fetched(batch - 1, REST_SECONDS)
            self._gather_seconds = _gather_seconds(len(messages), batch)
        if not messages and timeout is not None and monotonic() - began < timeout / 2:
            self._in_doubt()
            await asyncio.sleep(FAILED_PAUSE_SECONDS)
        return messages

    async def _fetched(self, batch: int, timeout: float | None) -> list[Msg]:
        self._fetching = asyncio.create_task(self._pull.fetch(batch, timeout))
        await asyncio.wait({self._fetching})
        messages = self._outcome(self._fetching)
        for message in messages:
            self._handling.accept(message)
        return messages

    def _outcome(self, fetching: asyncio.Task[list[Msg]]) -> list[Msg]:
        try:
            return fetching.result()
        except (TimeoutError, asyncio.CancelledError):
            return []
        except (NatsError, OSError) as error:
            log.warning("fetch_failed", error=repr(error))
            return []

    def close(self) -> None:
        """Fetch no more."""
        self._closed = True
        if self._fetching is not None:
            self._fetching.cancel()

    async def unsubscribe(self) -> None:
        """Give back what was delivered and not handled, then stop listening."""
        self.close()
        for _ in range(DRAIN_TRIES_MAX):
            if not self._pull.pending_msgs:
                break
            try:
                for message in await self._pull.fetch(1, DRAIN_SECONDS):
                    self._handling.accept(message)
            except (NatsError, TimeoutError):
                break
        await self._handling.give_back()
        with suppress(NatsError):  # the connection may be closed
            await self._pull.unsubscribe()


def _gather_seconds(events: int, batch_events: int) -> float:
    """How long to gather the batch after one of so many; one that is full left some behind."""
    if events >= batch_events:
        return 0.0
    return BUSY_SECONDS if events > BUSY_EVENTS else BATCH_SECONDS
