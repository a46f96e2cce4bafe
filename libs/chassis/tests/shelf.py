"""A small owner to try the chassis with: shelves that things are put on. Stream: one shelf."""

from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import psycopg
from pydantic import TypeAdapter

from lingxi_chassis.eventlog import EventLog, Projection, Snapshot
from lingxi_chassis.eventlog.schema import CREATE
from lingxi_chassis.ids import new_id
from lingxi_chassis.postgres import Pool
from lingxi_chassis.rebuild import ReadModels
from lingxi_contracts.base import Event, Text
from lingxi_contracts.errors import AgentNameTaken

OWNER = "shelf"
AT = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


class ThingPut(Event):
    """Somebody put a thing on the shelf."""

    tag = "thing_put.v1"
    name: Text


class WeightsNoted(Event):
    """Somebody weighed everything."""

    tag = "weights_noted.v1"
    weights: tuple[float, ...]


class ShelfBurned(Event):
    """The shelf is gone for good."""

    tag = "shelf_burned.v1"


@dataclass(frozen=True, slots=True)
class Shelf:
    """What is on it: how many things, and the newest one."""

    things: int = 0
    newest: str = ""


def evolve(state: Shelf, event: Event, at: datetime) -> Shelf:
    if isinstance(event, ThingPut):
        return Shelf(state.things + 1, event.name)
    return state


THINGS = Projection(
    "things_folded",
    frozenset({"thing_put.v1"}),
    "insert into things (stream_id, version, name)"
    " select stream_id, version, data->>'name' from logged where type = 'thing_put.v1'",
)
TABLES = (
    """
    create table things (
        stream_id uuid, version int, name text, constraint things_name unique (stream_id, name)
    )
    """,
    "create table claims (claim int primary key)",
)

READ_MODELS = ReadModels(TABLES, (THINGS,))

type ShelfLog = EventLog[Shelf, Event]


def create_tables(database_url: str) -> None:
    """The log's and the read model's."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        for statement in (*CREATE, *TABLES):
            connection.execute(statement.encode())


def shelf_log(pool: Pool) -> ShelfLog:
    """The log of this owner."""
    return EventLog(
        pool,
        TypeAdapter(Shelf),
        Shelf(),
        evolve,
        projections=(THINGS,),
        taken={"things_name": AgentNameTaken},
    )


def new_shelf(log: ShelfLog, user_id: UUID | None = None) -> Snapshot[Shelf]:
    """A shelf that does not exist yet."""
    return log.new(new_id(), user_id or new_id())
