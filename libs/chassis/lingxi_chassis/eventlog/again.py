"""Load, decide, append, and again: the loop of every command, written once."""

import asyncio
import random
from collections.abc import Awaitable, Callable

from lingxi_chassis.eventlog.append import Conflict
from lingxi_contracts.errors import Unavailable

TRIES_MAX = 5
FIRST_PAUSE_SECONDS = 0.005


async def again_on_conflict[R](attempt: Callable[[], Awaitable[R]]) -> R:
    """Run one whole attempt (load, decide, append) until it meets no conflict.

    Raises:
        Unavailable: `TRIES_MAX` attempts met a conflict each.
    """
    for tried in range(TRIES_MAX):
        try:
            return await attempt()
        except Conflict:
            await asyncio.sleep(FIRST_PAUSE_SECONDS * 2**tried * random.uniform(0.5, 1.5))
    raise Unavailable
