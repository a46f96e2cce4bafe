"""An owner whose read models need all that a rebuild must bear. Stream: one badge.

Names are unique over all streams and go from badge to badge; a row is made and updated from the
snapshot; rows of another table are updated by lookup; deletion is a fold too.
"""

import random
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from uuid import UUID

import psycopg
from psycopg.rows import TupleRow
from pydantic import TypeAdapter

from lingxi_chassis.eventlog import Conflict, EventLog, Projection
from lingxi_chassis.eventlog.schema import CREATE
from lingxi_chassis.ids import new_id
from lingxi_chassis.postgres import Pool
from lingxi_chassis.rebuild import ReadModels
from lingxi_contracts.base import Event, by_tag
from lingxi_contracts.errors import AgentNameTaken

AT = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
NAMES = ("Mo", "Lu", "Ha", "你好", "Ze")


class BadgeNamed(Event):
    """A badge has a name."""

    tag = "badge_named.v1"
    name: str


class BadgeWorn(Event):
    """Somebody wore it."""

    tag = "badge_worn.v1"
    mood: str


class BadgePolished(Event):
    """Nothing shows this."""

    tag = "badge_polished.v1"


class MoodsForgiven(Event):
    """All moods so far were fine."""

    tag = "moods_forgiven.v1"


class BadgeMelted(Event):
    """It is gone for good."""

    tag = "badge_melted.v1"


EVENTS = by_tag((BadgeNamed, BadgeWorn, BadgePolished, MoodsForgiven, BadgeMelted))
TOMBSTONES = frozenset({BadgeMelted.tag})


@dataclass(frozen=True, slots=True)
class Badge:
    """Its name, and how often it was worn."""

    name: str = ""
    worn: int = 0


def evolve(state: Badge, event: Event, at: datetime) -> Badge:
    match event:
        case BadgeNamed():
            return replace(state, name=event.name)
        case BadgeWorn():
            return replace(state, worn=state.worn + 1)
        case _:
            return state


READ_MODELS = ReadModels(
    create=(
        """
        create table badges (
            badge_id uuid primary key, name text not null, worn int not null,
            constraint badges_name unique (name)
        )
        """,
        "create index badges_worn on badges (worn)",
        """
        create table moods (
            badge_id uuid, version int, mood text not null, forgiven bool not null default false,
            primary key (badge_id, version)
        )
        """,
        "create unique index moods_mood on moods (mood, badge_id, version)",
    ),
    projections=(
        Projection(
            "shown",
            frozenset({BadgeNamed.tag, BadgeWorn.tag}),
            """
            insert into badges (badge_id, name, worn)
            select stream_id, state->>'name', (state->>'worn')::int
            from appended where state is not null
            on conflict (badge_id) do update set name = excluded.name, worn = excluded.worn
            """,
        ),
        Projection(
            "felt",
            frozenset({BadgeWorn.tag}),
            "insert into moods (badge_id, version, mood)"
            " select stream_id, version, data->>'mood' from logged where type = 'badge_worn.v1'",
        ),
        Projection(
            "forgiven",
            frozenset({MoodsForgiven.tag}),
            """
            update moods m set forgiven = true
            from (
                select stream_id, max(version) as version from logged
                where type = 'moods_forgiven.v1' group by stream_id
            ) f
            where m.badge_id = f.stream_id and m.version < f.version
            """,
        ),
        Projection(
            "melted",
            frozenset({BadgeMelted.tag}),
            """
            delete from badges where badge_id = any (array (
                select stream_id from logged where type = 'badge_melted.v1'))
            """,
        ),
        Projection(
            "unfelt",
            frozenset({BadgeMelted.tag}),
            """
            delete from moods where badge_id = any (array (
                select stream_id from logged where type = 'badge_melted.v1'))
            """,
        ),
    ),
)

type BadgeLog = EventLog[Badge, Event]


def create_tables(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        for statement in (*CREATE, *READ_MODELS.create):
            connection.execute(statement.encode())


def badge_log(pool: Pool) -> BadgeLog:
    return EventLog(
        pool,
        TypeAdapter(Badge),
        Badge(),
        evolve,
        projections=READ_MODELS.projections,
        taken={"badges_name": AgentNameTaken},
    )


def tables(database_url: str) -> dict[str, list[TupleRow]]:
    """All rows of the read models."""
    with psycopg.connect(database_url) as connection:
        return {
            "badges": connection.execute("select * from badges order by 1").fetchall(),
            "moods": connection.execute("select * from moods order by 1, 2").fetchall(),
        }


@dataclass
class Life:
    """Somebody who does things with badges, the same for each seed."""

    log: BadgeLog
    chance: random.Random
    badges: list[UUID] = field(default_factory=list[UUID])
    user_id: UUID = field(default_factory=new_id)
    appends: int = 0
    refused: int = 0

    async def live(self, steps: int) -> None:
        for _ in range(steps):
            await self.step()

    async def step(self) -> None:
        """One append, or a refusal."""
        try:
            if len(self.badges) < 3 or self.chance.random() < 0.05:
                await self._begin()
            else:
                await self._go_on(self.chance.choice(self.badges))
        except AgentNameTaken:
            self.refused += 1
        except Conflict:
            return  # another life has the badge too

    async def _begin(self) -> None:
        badge = self.log.new(new_id(), self.user_id)
        name = self.chance.choice([*NAMES, f"badge {badge.stream_id}"])
        await self.log.append(badge, [BadgeNamed(name=name), BadgeWorn(mood="new")], AT)
        self.badges.append(badge.stream_id)
        self.appends += 1

    async def _go_on(self, badge_id: UUID) -> None:
        badge = await self.log.load(badge_id, self.user_id)
        if badge is None:
            self.badges.remove(badge_id)
            return
        number = self.chance.randrange(1_000)
        events = self.chance.choice(
            [
                (BadgeNamed(name=self.chance.choice(NAMES)),),
                (BadgeNamed(name=f"free {badge_id}"),),
                (BadgeWorn(mood=f"mood {number}"), BadgePolished()),
                (MoodsForgiven(),),
                (MoodsForgiven(), BadgeWorn(mood=f"mood {number}")),
                (BadgePolished(),),
                (BadgeMelted(),) if number < 300 else (BadgePolished(),),
            ]
        )
        erase = isinstance(events[0], BadgeMelted)
        await self.log.append(badge, list(events), AT, erase=erase)
        self.appends += 1
