"""Watches as handlers write them: any order, any repeats; and the claim among a million."""

import random
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from lingxi_chassis.clock import monotonic
from lingxi_chassis.ids import new_id
from lingxi_chassis.postgres import Pool, execute, fetch_all, open_pool
from lingxi_contracts import chat, gateway
from lingxi_contracts.agent import AgentDeleted, AgentTimings
from lingxi_contracts.base import Event
from lingxi_contracts.chat import SessionDeleted
from lingxi_contracts.envelope import Envelope
from lingxi_scheduler import bootstrap
from lingxi_scheduler.application.watch_sessions import WatchSessions
from lingxi_scheduler.entrypoints.events import HEARD_OF_SESSIONS, Heard
from lingxi_scheduler.projections.watches import (
    CLAIM,
    claim_due,
    find_watch,
    next_due,
    sessions_of_agent,
)
from lingxi_scheduler.settings import Settings
from services.scheduler.tests.component import events
from services.scheduler.tests.component.events import NOON, Stream

SEEDS = range(8)
ROWS = 1_000_000
CLAIM_ROWS_READ_MAX = 200
CLAIM_MS_MAX = 20
SHOWN = (
    (
        "select session_id, user_id, agent_id, last_user_seq, last_user_at, last_agent_seq,"
        " last_agent_at, read_up_to, proactive_seqs, flagged_seq, turn_sequence, turn_open,"
        " heard_at, ended, decided_seq, not_before, awaits_event, tries, sending, due_at"
        " from watches order by session_id"
    ),
    "select * from agents order by agent_id",
    "select * from users order by user_id",
)


@dataclass(frozen=True)
class Watching:
    """The handlers on a database of their own."""

    pool: Pool
    heard: Heard

    async def hear(self, event: Envelope) -> None:
        """Hand an event to the handler that is registered for it."""
        by_name: dict[str, Callable[[Envelope], Awaitable[None]]] = {
            "session_deleted": self.heard.end_of_session,
            "agent_created": self.heard.manners,
            "agent_changed": self.heard.manners,
            "agent_deleted": self.heard.end_of_agent,
            "user_registered": self.heard.time_zone,
            "user_changed": self.heard.time_zone,
            "user_deleted": self.heard.end_of_user,
        }
        if handler := by_name.get(event.name):
            await handler(event)
        else:
            await self.heard.of_sessions([event])

    async def all(self, told: Sequence[Envelope]) -> list[list[tuple[Any, ...]]]:
        """What is kept after these events, one by one, and nothing before."""
        return await self.batches([[event] for event in told])

    async def batches(self, batches: Sequence[Sequence[Envelope]]) -> list[list[tuple[Any, ...]]]:
        """What is kept after these, and nothing before; several together are of sessions."""
        await execute(
            self.pool, "truncate watches, agents, users, erased_users, agent_caps, caps", {}
        )
        for batch in batches:
            if len(batch) == 1:
                await self.hear(batch[0])
            else:
                await self.heard.of_sessions(batch)
        return [list(await fetch_all(self.pool, select, {})) for select in SHOWN]


@pytest.fixture
async def watching(database_url: str, nats_url: str) -> AsyncGenerator[Watching]:
    settings = Settings.model_validate(
        {"DATABASE_URL": database_url, "NATS_URL": nats_url, "LINGXI_INTERNAL_PORT": 0}
    )
    bootstrap.migrate(settings)
    async with open_pool(database_url, 4) as pool:
        yield Watching(pool, Heard(bootstrap.open_log(pool), WatchSessions(pool, 1)))


def everything(user_id: UUID) -> list[Stream]:
    """A user with two agents, and sessions in every state."""
    zones = events.user(user_id, "UTC", "Asia/Shanghai", "Asia/Kathmandu")
    mo = events.companion(
        user_id, AgentTimings(), AgentTimings(inactivity_check_minutes=60, daily_cap=2)
    )
    jo = events.companion(user_id)
    jo.tell(AgentDeleted())
    talk: list[Event] = [events.posted(1), events.began(), events.sent(2), events.sent(3)]
    ids = mo.stream_id
    sessions = [
        events.session(user_id, ids),
        events.session(user_id, ids, *talk),
        events.session(user_id, ids, *talk, events.failed(1), events.read(2), events.read(3)),
        events.session(user_id, ids, *talk, events.failed(1), events.read(3), events.posted(4)),
        events.session(
            user_id,
            ids,
            events.posted(1),
            events.sent(2, proactive=True),
            events.sent(3, proactive=True),
            events.read(3),
        ),
        events.session(
            user_id, ids, events.sent(1, proactive=True), events.posted(2), events.flagged(2)
        ),
        events.session(user_id, ids, *talk, SessionDeleted()),
        events.session(user_id, jo.stream_id, events.posted(1)),
    ]
    return [zones, mo, jo, *sessions]


async def test_events_shuffled_doubled_and_replayed_give_equal_rows(watching: Watching) -> None:
    told = [event for stream in everything(new_id()) for event in stream.told]
    rows = await watching.all(told)
    due = [row[-1] for row in rows[0]]
    assert len(rows[0]) == 8
    assert sum(at is not None for at in due) == 3
    assert len(rows[1]) == 2
    assert rows[2][0][3] == "Asia/Kathmandu"
    for seed in SEEDS:
        chance = random.Random(seed)
        shuffled = told * 2
        chance.shuffle(shuffled)
        assert await watching.all(shuffled) == rows, f"seed {seed}"
        heard: list[Envelope] = []
        others: list[Envelope] = []
        for event in shuffled:
            (heard if event.name in HEARD_OF_SESSIONS else others).append(event)
        middle = chance.randrange(len(others))
        alone = [[event] for event in others]
        together = [*alone[:middle], heard[: len(told)], *alone[middle:], heard[len(told) :]]
        assert await watching.batches(together) == rows, f"seed {seed}, in batches"
    assert await watching.all([*told, *told]) == rows


async def test_an_erased_user_leaves_nothing_whatever_comes_late(watching: Watching) -> None:
    user_id = new_id()
    told = [event for stream in everything(user_id) for event in stream.told]
    gone = Stream(gateway.OWNER, user_id, user_id)
    gone.tell(gateway.UserDeleted())
    for seed in SEEDS:
        mixed = [*told, *gone.told]
        random.Random(seed).shuffle(mixed)
        assert await watching.all(mixed) == [[], [], []], f"seed {seed}"


def test_every_event_that_is_subscribed_to_is_one_of_chats() -> None:
    assert set(HEARD_OF_SESSIONS) <= {tag.partition(".")[0] for tag in chat.EVENTS}


async def test_new_manners_move_what_is_due_and_open_what_waits(watching: Watching) -> None:
    user_id = new_id()
    mo = events.companion(user_id, AgentTimings(), AgentTimings(inactivity_check_minutes=60))
    talk = events.session(user_id, mo.stream_id, events.posted(1))
    await watching.all([mo.told[0], *talk.told])
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
    await watching.all(talk.told[:2])
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
