"""The loop that claims what is due: when it looks again."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from lingxi_chassis.clock import utc_now
from lingxi_chassis.ids import new_id
from lingxi_chassis.postgres import Pool, execute, open_pool
from lingxi_chassis.tasks import in_background
from lingxi_scheduler import bootstrap
from lingxi_scheduler.adapters.clock import SystemClock
from lingxi_scheduler.application import claim_due
from lingxi_scheduler.application.claim_due import ClaimDue
from lingxi_scheduler.projections.watches import Claim, next_due
from lingxi_scheduler.settings import Settings
from tests.fixtures.waiting import eventually

HOUR_SECONDS = 3_600.0
SOON = timedelta(seconds=1)
SECONDS_MAX = 20.0


@pytest.fixture
async def pool(database_url: str) -> AsyncGenerator[Pool]:
    settings = {"DATABASE_URL": database_url, "NATS_URL": "nats://none", "LINGXI_INTERNAL_PORT": 0}
    bootstrap.migrate(Settings.model_validate(settings))
    async with open_pool(database_url, 2) as pool:
        yield pool


async def due(pool: Pool, at: datetime) -> UUID:
    """A session that is due at a time."""
    session_id = new_id()
    sql = "insert into watches (session_id, user_id, due_at) values (%(id)s, %(id)s, %(at)s)"
    await execute(pool, sql, {"id": session_id, "at": at})
    return session_id


async def test_a_time_told_while_the_next_one_is_asked_for_is_not_missed(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is later than the one that was slept until, and not in the answer that is on its way."""
    asked, told = asyncio.Event(), asyncio.Event()
    told.set()

    async def slow(pool: Pool) -> tuple[datetime | None, bool]:
        answer = await next_due(pool)
        asked.set()
        await told.wait()
        return answer

    monkeypatch.setattr(claim_due, "next_due", slow)
    looked_at: set[UUID] = set()

    async def look_at(claim: Claim) -> None:
        looked_at.add(claim.session_id)

    async def learned() -> bool:
        return True

    first = await due(pool, utc_now() + SOON)
    claiming = ClaimDue(pool, look_at, SystemClock(), HOUR_SECONDS, slots=1)
    async with in_background(claiming.run(learned), "due", lambda: None):
        await asked.wait()  # it sleeps until the first
        asked.clear()
        told.clear()
        await execute(pool, "delete from watches where session_id = %(id)s", {"id": first})
        claiming.look()
        await asked.wait()  # nothing is due
        at = utc_now() + SOON
        second = await due(pool, at)
        claiming.due(at)
        told.set()
        await eventually(lambda: second in looked_at, SECONDS_MAX)
