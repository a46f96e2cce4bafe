"""Load, decide, append, and again: the loop of every command, written once."""

import asyncio
import random
from collections.abc import Awaitable, Callable

from lingxi_chassis.eventlog.append import Conflict
from lingxi_contracts.errors import Unavailable

TRIES_MAX = 5
FIRST_PAUSE_SECONDS = 0.005
PAUSE_SECONDS_MAX = 0.1


async def again_on_conflict[R](
    attempt: Callable[[], Awaitable[R]], tries_max: int = TRIES_MAX
) -> R:
    """Run one whole attempt (load, decide, append) until it meets no conflict.

    Raises:
        Unavailable: `tries_max` attempts met a conflict each.
    """
    pause = FIRST_PAUSE_SECONDS
    for _ in range(tries_max):
        try:
            return await attempt()
        except Conflict:
            await asyncio.sleep(pause * random.uniform(0.5, 1.5))
            pause = min(2 * pause, PAUSE_SECONDS_MAX)
    raise Unavailable
