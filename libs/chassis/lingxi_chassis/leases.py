"""Holding a lease while work goes on.

A lease is a row with an end, on the database's clock. Here its holder renews it and is told when it
lost it. That saves work and stays silent early; it does not protect the result: a process can be
paused between any two steps, so what is committed must still be guarded by the claim's id.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

import structlog

from lingxi_chassis.clock import monotonic
from lingxi_contracts.errors import Unavailable

RETRY_SECONDS = 0.25
"""Between attempts to renew while the database is away."""

log = structlog.get_logger(__name__)


class LeaseLost(Exception):
    """The lease ended or somebody else has it: drop the work and stay silent."""


@asynccontextmanager
async def held(
    renew: Callable[[], Awaitable[bool]],
    *,
    lease_seconds: float,
    every_seconds: float,
    claimed_at: float | None = None,
) -> AsyncGenerator[None]:
    """Renew every `every_seconds` while the body runs; cancel the body when the lease is lost.

    `renew` makes the lease last `lease_seconds` from now and answers whether it was still ours. A
    database that is away (`Unavailable`, a timeout, an OSError) is asked again until the lease's
    end, counted from before the last successful attempt. `claimed_at` is `clock.monotonic()` from
    before the claim; without it the lease is as old as this call.

    Raises:
        LeaseLost: in place of the cancellation of the body. A body that ended before it noticed
            has ended: nothing is raised.
    """
    body = asyncio.current_task()
    assert body is not None
    cancelled_before = body.cancelling()
    since = monotonic() if claimed_at is None else claimed_at
    lost: list[str] = []

    async def keep() -> None:
        why = await _until_lost(renew, lease_seconds, every_seconds, since)
        lost.append(why)
        log.warning("lease_lost", why=why)
        body.cancel()

    keeping: asyncio.Task[None] | None = None

    def begin() -> None:
        nonlocal keeping
        keeping = asyncio.create_task(keep(), name="lease")

    # Most work ends before the first renewal: until then a timer is enough.
    first = min(every_seconds, max(0.0, since + lease_seconds - monotonic()))
    timer = asyncio.get_running_loop().call_later(first, begin)
    try:
        yield
    except asyncio.CancelledError:
        # As in asyncio.timeout: a cancellation that is not (only) ours goes on.
        if lost and body.uncancel() <= cancelled_before:
            raise LeaseLost(lost[0]) from None
        raise
    else:
        if lost:
            body.uncancel()
    finally:
        timer.cancel()
        if keeping is not None:
            keeping.cancel()
            await asyncio.wait({keeping})


async def _until_lost(
    renew: Callable[[], Awaitable[bool]], lease_seconds: float, every_seconds: float, since: float
) -> str:
    """Renew, from now on; returns why the lease is lost."""
    while True:
        begun = monotonic()
        left = since + lease_seconds - begun
        if left <= 0:
            return "not renewed in time"
        try:
            async with asyncio.timeout(left):
                if not await renew():
                    return "refused"
        except (Unavailable, TimeoutError, OSError):
            pause = RETRY_SECONDS
        except Exception as error:
            log.exception("lease_renewal_failed")
            return f"renewal failed: {type(error).__name__}"
        else:
            since, pause = begun, every_seconds
        await asyncio.sleep(min(pause, max(0.0, since + lease_seconds - monotonic())))
