"""Watches as handlers write them, the claim that news take away, and the claim among a million."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from lingxi_chassis.bus import connect
from lingxi_chassis.clock import monotonic
from lingxi_chassis.consumers import Subscriptions
from lingxi_chassis.ids import new_id
from lingxi_chassis.postgres import Pool, execute, open_pool
from lingxi_chassis.process import Stop
from lingxi_contracts.agent import AgentTimings
from lingxi_contracts.envelope import Envelope
from lingxi_contracts.scheduler import OWNER
from lingxi_scheduler import bootstrap
from lingxi_scheduler.application.watch_sessions import WatchSessions
from lingxi_scheduler.entrypoints.events import listen
from lingxi_scheduler.projections.watches import (
    CLAIM,
    claim_due,
    find_watch,
    next_due,
    sessions_of_agent,
)
from lingxi_scheduler.settings import Settings
from services.scheduler.tests.component import events
from services.scheduler.tests.component.events import NOON

ROWS = 1_000_000
CLAIM_ROWS_READ_MAX = 200
CLAIM_MS_MAX = 20


@dataclass(frozen=True)
class Watching:
    """The handlers on a database of their own."""

    pool: Pool
    subscriptions: Subscriptions

    async def hear(self, *told: Envelope) -> None:
        """One by one."""
        for event in told:
            await self.subscriptions.hear(event.source, [event])


@pytest.fixture
async def watching(database_url: str, nats_url: str) -> AsyncGenerator[Watching]:
    settings = Settings.model_validate(
        {"DATABASE_URL": database_url, "NATS_URL": nats_url, "LINGXI_INTERNAL_PORT": 0}
    )
    bootstrap.migrate(settings)
    stop = Stop()
    async with connect(nats_url, OWNER) as nats, open_pool(database_url, 4) as pool:
        subscriptions = Subscriptions(OWNER, nats, stop.fail)
        listen(subscriptions, bootstrap.open_log(pool), WatchSessions(pool, 1))
        yield Watching(pool, subscriptions)
    assert not stop.failed


async def test_new_manners_move_what_is_due_and_open_what_waits(watching: Watching) -> None:
    user_id = new_id()
    mo = events.companion(user_id, AgentTimings(), AgentTimings(inactivity_check_minutes=60))
    talk = events.session(user_id, mo.stream_id, events.posted(1))
    await watching.hear(mo.told[0], *talk.told)
    await execute(watching.pool, "update watches set awaits_event = true, due_at = null", {})
    assert list(await sessions_of_agent(watching.pool, mo.stream_id, UUID(int=0))) == [
        talk.stream_id
    ]

    await watching.hear(mo.told[1])
    kept = await find_watch(watching.pool, talk.stream_id)
    assert kept is not None
    assert kept.due_at == NOON + timedelta(minutes=61)


async def test_news_take_the_claim_away_but_not_what_is_on_its_way(watching: Watching) -> None:
    user_id = new_id()
    talk = events.session(user_id, new_id(), events.posted(1), events.posted(2), events.posted(3))
    await watching.hear(*talk.told[:2])
    later = NOON + timedelta(hours=1)

    (claim,) = await claim_due(watching.pool, later, 10)
    assert await claim_due(watching.pool, later, 10) == []
    await watching.hear(talk.told[2])
    (again,) = await claim_due(watching.pool, later, 10)
    assert again.claim_id != claim.claim_id
    on_its_way = {"id": talk.stream_id, "decision": new_id()}
    await execute(
        watching.pool,
        "update watches set sending = %(decision)s where session_id = %(id)s",
        on_its_way,
    )
    await watching.hear(talk.told[3])
    kept = await find_watch(watching.pool, talk.stream_id)
    assert kept is not None
    assert kept.claim_id == again.claim_id
    assert kept.watch.last_user_seq == 3
    assert kept.watch.sending == on_its_way["decision"]


@pytest.fixture
async def million(watching: Watching) -> Watching:
    """A million watches: most are idle, a tenth is due some day, 2,500 are due by noon."""
    # A lock for each user is more than one transaction may hold.
    await execute(watching.pool, "alter table watches disable trigger user", {})
    await execute(
        watching.pool,
        """
        insert into watches (session_id, user_id, agent_id, last_user_seq, last_user_at, due_at)
        select md5(n::text)::uuid, md5((n / 10)::text)::uuid, md5((n / 5)::text)::uuid, n %% 50 + 1,
               %(noon)s, case when n %% 400 = 0 then %(noon)s - make_interval(secs => n / 400)
                              when n %% 10 = 0 then %(noon)s + make_interval(secs => n) end
        from generate_series(1, %(rows)s) n
        """,
        {"noon": NOON, "rows": ROWS},
    )
    await execute(watching.pool, "analyze watches", {})
    return watching


async def test_a_hundred_due_are_claimed_among_a_million_without_a_look_at_the_rest(
    million: Watching,
) -> None:
    """Guards the partial index and the claim's plan: idle rows cost no read."""
    plan = await explained(million.pool)
    assert rows_read(plan) <= CLAIM_ROWS_READ_MAX, plan
    assert "watches_due" in str(plan)
    assert "Seq Scan" not in str(plan)

    claimed_ms: list[float] = []
    for _ in range(20):
        began = monotonic()
        claims = await claim_due(million.pool, NOON, 100)
        claimed_ms.append((monotonic() - began) * 1000)
        assert len(claims) == 100
    # The quickest tells what a claim costs; the median tells what else the machine had to do.
    assert min(claimed_ms) < CLAIM_MS_MAX, claimed_ms
    due, others_look = await next_due(million.pool)
    assert due is not None
    assert due <= NOON
    assert others_look


async def explained(pool: Pool) -> dict[str, Any]:
    """The plan of a claim of a hundred, as it went; the claim is taken back."""
    async with pool.connection() as connection, connection.transaction(force_rollback=True):
        cursor = await connection.execute(
            f"explain (analyze, buffers, format json) {CLAIM}".encode(),
            {"claim_id": new_id(), "now": NOON, "limit": 100},
        )
        row = await cursor.fetchone()
    assert row is not None
    return row[0][0]["Plan"]


def rows_read(plan: dict[str, Any]) -> float:
    """How many rows the scans of a plan read, those that they left out included."""
    own = 0.0
    if "Scan" in plan["Node Type"] and plan["Node Type"] != "Bitmap Index Scan":
        rows = plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)
        own = rows * plan["Actual Loops"]
    return own + sum(rows_read(part) for part in plan.get("Plans", []))
