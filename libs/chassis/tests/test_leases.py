"""Leases on a real row: whoever lost one is told, whoever holds one works undisturbed."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from lingxi_chassis.clock import monotonic
from lingxi_chassis.leases import LeaseLost, held
from lingxi_chassis.postgres import Pool, execute, open_pool
from lingxi_contracts.errors import Unavailable

LEASE_SECONDS = 2.0
EVERY_SECONDS = 0.2


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    async with open_pool(database_url, size=2) as pool:
        await execute(pool, "create table work (holder int, lease_until timestamptz)", {})
        await execute(pool, "insert into work values (1, now())", {})
        yield pool


async def renew(pool: Pool) -> bool:
    sql = (
        "update work set lease_until = now() + make_interval(secs => %(seconds)s) where holder = 1"
    )
    return await execute(pool, sql, {"seconds": LEASE_SECONDS}) == 1


async def test_a_renewed_lease_outlasts_its_first_end(pool: Pool) -> None:
    """Guards the renewal: the body runs for longer than one lease."""
    renewals = 0
    enough = asyncio.Event()

    async def counted() -> bool:
        nonlocal renewals
        renewals += 1
        if renewals * EVERY_SECONDS > 1.1 * LEASE_SECONDS:
            enough.set()
        return await renew(pool)

    began = monotonic()
    async with held(counted, lease_seconds=LEASE_SECONDS, every_seconds=EVERY_SECONDS):
        await enough.wait()
    assert monotonic() - began > LEASE_SECONDS


async def test_a_refused_renewal_cancels_the_body(pool: Pool) -> None:
    """Guards the main case: another holder took the row."""
    cancelled = False

    async def work() -> None:
        nonlocal cancelled
        async with held(
            lambda: renew(pool), lease_seconds=LEASE_SECONDS, every_seconds=EVERY_SECONDS
        ):
            await execute(pool, "update work set holder = 2", {})
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                cancelled = True
                raise

    with pytest.raises(LeaseLost, match="refused"):
        await work()
    assert cancelled
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


async def test_a_database_that_is_away_is_asked_until_the_lease_ends() -> None:
    """Guards the end: no renewal went through, so another may hold it from now on."""
    asked = 0

    async def away() -> bool:
        nonlocal asked
        asked += 1
        raise Unavailable

    began = monotonic()
    with pytest.raises(LeaseLost, match="not renewed in time"):
        async with held(away, lease_seconds=LEASE_SECONDS, every_seconds=EVERY_SECONDS):
            await asyncio.Event().wait()
    assert asked >= 2
    assert monotonic() - began >= LEASE_SECONDS


async def test_a_renewal_without_an_answer_does_not_outlast_the_lease() -> None:
    """Guards the deadline of the renewal itself."""

    async def hangs() -> bool:
        await asyncio.Event().wait()
        return True

    with pytest.raises(LeaseLost, match="not renewed in time"):
        async with held(hangs, lease_seconds=0.1, every_seconds=0.01):
            await asyncio.Event().wait()


async def test_a_holder_that_was_paused_past_its_lease_learns_it(pool: Pool) -> None:
    """Guards the clock: after a pause of the whole process the row is not even asked for."""
    asked = 0

    async def counted() -> bool:
        nonlocal asked
        asked += 1
        return await renew(pool)

    async def work() -> None:
        async with held(counted, lease_seconds=0.1, every_seconds=0.05):
            resume_at = monotonic() + 0.2
            while monotonic() < resume_at:
                pass  # what SIGSTOP does: the loop turns no further
            await asyncio.Event().wait()

    with pytest.raises(LeaseLost, match="not renewed in time"):
        await work()
    assert asked == 0


async def test_the_age_of_the_claim_counts() -> None:
    """Guards `claimed_at`: time that passed between the claim and here is not forgotten."""

    async def fine() -> bool:
        return True

    with pytest.raises(LeaseLost, match="not renewed in time"):
        async with held(fine, lease_seconds=0.1, every_seconds=0.05, claimed_at=monotonic() - 0.2):
            await asyncio.Event().wait()


async def test_a_cancellation_from_outside_stays_one() -> None:
    """Guards shutdown: it is not taken for a lost lease."""

    async def fine() -> bool:
        return True

    inside = asyncio.Event()

    async def work() -> None:
        async with held(fine, lease_seconds=10, every_seconds=10):
            inside.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await inside.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_broken_renewal_is_a_lost_lease() -> None:
    """Guards against a body that goes on although its lease is renewed by nobody."""

    async def broken() -> bool:
        raise KeyError("no such thing")

    with pytest.raises(LeaseLost, match="KeyError"):
        async with held(broken, lease_seconds=1, every_seconds=0.01):
            await asyncio.Event().wait()
