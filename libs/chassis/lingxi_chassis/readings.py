"""Gauges that are read when somebody asks for metrics, and cost nothing in between."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog
from prometheus_client import Gauge

READ_SECONDS_MAX = 2.0
"""Of one reading, so that a part that is away does not keep the other metrics back."""

type Read = Callable[[], Awaitable[None]]
"""Sets gauges of its own."""

OK = Gauge("lingxi_reading_ok", "1: read for this answer; 0: its gauges are old", ["reading"])

log = structlog.get_logger(__name__)


class Readings:
    """The readings of a service, by name."""

    def __init__(self) -> None:
        self._reads: dict[str, Read] = {}

    def add(self, name: str, read: Read) -> None:
        """Have `read` called before each answer."""
        self._reads[name] = read

    async def read(self) -> None:
        """Read all, side by side; one that fails is told in `OK`, and keeps what it said before."""
        await asyncio.gather(*(_read(name, read) for name, read in self._reads.items()))


async def _read(name: str, read: Read) -> None:
    try:
        async with asyncio.timeout(READ_SECONDS_MAX):
            await read()
    except Exception as error:  # noqa: BLE001 -- whatever broke, the other metrics are told
        log.warning("reading_failed", reading=name, error=type(error).__name__)
        OK.labels(name).set(0)
    else:
        OK.labels(name).set(1)
