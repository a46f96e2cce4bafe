"""The table of what agents wrote first by day: what it forgets, and what an upgrade finds in it."""

from collections.abc import Sequence
from datetime import date, timedelta
from uuid import UUID

import psycopg

from lingxi_chassis.clock import utc_now
from lingxi_chassis.ids import new_id
from lingxi_chassis.postgres import fetch_all, open_pool
from lingxi_contracts.base import Event
from lingxi_contracts.scheduler import ProactiveDecided, ProactiveSettled
from lingxi_scheduler import bootstrap
from lingxi_scheduler.domain.decisions import Saying, Silence, write
from lingxi_scheduler.settings import Settings
from tests.upgrades.released import FOLDER

NOW = utc_now()
TODAY = NOW.date()
DAY = timedelta(days=1)
AGENTS = (new_id(), new_id())
USER = new_id()


def migrate(database_url: str) -> None:
    settings = {
        "DATABASE_URL": database_url,
        "NATS_URL": "nats://unused",
        "LINGXI_INTERNAL_PORT": 0,
    }
    bootstrap.migrate(Settings.model_validate(settings))


def decided(agent_id: UUID, day: date) -> ProactiveDecided:
    silence = Silence(new_id(), agent_id, 6)
    (event,) = write(silence, Saying("Hello!", "So."), based_on_user_seq=5, day=day, at=NOW)
    assert isinstance(event, ProactiveDecided)
    return event


def refused(event: ProactiveDecided) -> ProactiveSettled:
    return ProactiveSettled(
        decision_id=event.decision_id, outcome="skipped", reason="No.", freed=event.counts_for
    )


async def test_an_agents_old_days_are_forgotten_with_a_newer_one(database_url: str) -> None:
    """Guards what would grow for ever; a day of a traveller's that comes again is still there."""
    migrate(database_url)
    async with open_pool(database_url, 1) as pool:
        log = bootstrap.open_log(pool)
        for ago in (9, 3, 2, 0, 1):
            event = decided(AGENTS[0], TODAY - ago * DAY)
            await log.append(log.new(new_id(), USER), (event,), NOW)
        await log.append(log.new(new_id(), USER), (decided(AGENTS[1], TODAY - 9 * DAY),), NOW)
        rows = await fetch_all(pool, "select agent_id, day from agent_caps order by 1, 2", {})
    kept = [(AGENTS[0], TODAY - ago * DAY) for ago in (2, 1, 0)]
    assert rows == sorted([*kept, (AGENTS[1], TODAY - 9 * DAY)])


async def test_an_upgrade_counts_these_days_by_agent(database_url: str) -> None:
    """What was given back is not counted, nor what is of an erased user."""
    with psycopg.connect(database_url) as connection:
        connection.execute((FOLDER / "0.1.0" / "scheduler.sql").read_bytes())
        gone = new_id()
        connection.execute("insert into erased_users (user_id) values (%s)", (gone,))
        freed = decided(AGENTS[0], TODAY)
        for user_id, events in (
            (USER, (decided(AGENTS[0], TODAY),)),
            (USER, (decided(AGENTS[0], TODAY),)),
            (USER, (decided(AGENTS[1], TODAY),)),
            (USER, (freed, refused(freed))),
            (USER, (decided(AGENTS[1], TODAY - 9 * DAY),)),
            (gone, (decided(new_id(), TODAY),)),
        ):
            _log(connection, user_id, events)
    migrate(database_url)
    async with open_pool(database_url, 1) as pool:
        rows = await fetch_all(pool, "select agent_id, user_id, sent from agent_caps", {})
    assert sorted(rows) == sorted([(AGENTS[0], USER, 2), (AGENTS[1], USER, 1)])


def _log(
    connection: psycopg.Connection[tuple[object, ...]], user_id: UUID, events: Sequence[Event]
) -> None:
    stream_id = new_id()
    for version, event in enumerate(events, 1):
        connection.execute(
            """
            insert into events (event_id, stream_id, version, type, user_id, occurred_at, data)
            values (%s, %s, %s, %s, %s, now(), %s)
            """,
            (new_id(), stream_id, version, event.tag, user_id, event.model_dump_json()),
        )
