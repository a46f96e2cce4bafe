"""Scheduler's handlers, all of them: shuffled, doubled and replayed events leave equal rows."""

from uuid import UUID

from lingxi_chassis.bus import connect
from lingxi_chassis.consumers import Subscriptions
from lingxi_chassis.postgres import fetch_all, open_pool
from lingxi_chassis.process import Stop
from lingxi_contracts import gateway
from lingxi_contracts.agent import AgentDeleted, AgentTimings
from lingxi_contracts.base import Event
from lingxi_contracts.chat import SessionDeleted
from lingxi_contracts.scheduler import OWNER
from lingxi_scheduler import bootstrap
from lingxi_scheduler.application.parts import DecisionLog
from lingxi_scheduler.application.watch_sessions import WatchSessions
from lingxi_scheduler.domain import decisions
from lingxi_scheduler.domain.decisions import Saying, Silence
from lingxi_scheduler.entrypoints.events import listen
from lingxi_scheduler.settings import Settings
from services.scheduler.tests.component import events
from services.scheduler.tests.component.events import NOON, Stream
from tests.fixtures.handlers import emptied, leaves_equal_rows
from tests.fixtures.read_models import tables_of

STAYS, GOES = UUID(int=1), UUID(int=2)
"""Users."""
COUNTED_OR_CLAIMED = ("revision", "claim_id", "lease_until")
"""What a watch tells of its writing, and not of its session."""
SELECTS = {
    "watches": "select to_jsonb(t) - %(left_out)s::text[] from watches t order by session_id",
    **{
        table: f"select to_jsonb(t) from {table} t order by 1"
        for table in ("agents", "users", *tables_of(bootstrap.READ_MODELS))
    },
}


def sessions(user_id: UUID, agent_id: UUID, deleted_agent_id: UUID) -> list[Stream]:
    """A session in every state: the last one is with an agent that is deleted, the last but one is
    deleted itself."""
    talk: list[Event] = [events.posted(1), events.began(), events.sent(2), events.sent(3)]
    told: list[list[Event]] = [
        [],
        talk,
        [*talk, events.failed(1), events.read(2), events.read(3)],
        [*talk, events.completed(1), events.read(3), events.posted(4)],
        [*talk, events.stopped(1), events.read(3)],
        [
            events.posted(1),
            events.sent(2, proactive=True),
            events.sent(3, proactive=True),
            events.read(3),
        ],
        [events.sent(1, proactive=True), events.posted(2), events.flagged(2)],
        [*talk, SessionDeleted()],
    ]
    return [
        *(events.session(user_id, agent_id, *happened) for happened in told),
        events.session(user_id, deleted_agent_id, events.posted(1)),
    ]


def everything(user_id: UUID) -> list[Stream]:
    """A user with two agents, and their sessions."""
    zones = events.user(user_id, "UTC", "Asia/Shanghai", "Asia/Kathmandu")
    mo = events.companion(
        user_id, AgentTimings(), AgentTimings(inactivity_check_minutes=60, daily_cap=2)
    )
    jo = events.companion(user_id)
    jo.tell(AgentDeleted())
    return [zones, mo, jo, *sessions(user_id, mo.stream_id, jo.stream_id)]


async def decide(log: DecisionLog, session: Stream, agent_id: UUID) -> None:
    """A decision about the session is on its way, and has a place on the day."""
    silence = Silence(session.stream_id, agent_id, armed_seq=1)
    said = Saying("Hello?", "It is quiet.")
    written = decisions.write(silence, said, based_on_user_seq=1, day=NOON.date(), at=NOON)
    await log.append(log.new(session.stream_id, session.user_id), written, NOON)


async def test_events_in_any_order_and_number_leave_equal_rows(
    database_url: str, nats_url: str
) -> None:
    """Guards the handlers' guards, `events.py`; and that none is forgotten here."""
    settings = Settings.model_validate(
        {"DATABASE_URL": database_url, "NATS_URL": nats_url, "LINGXI_INTERNAL_PORT": 0}
    )
    bootstrap.migrate(settings)
    stays, goes = everything(STAYS), everything(GOES)
    goes[0].tell(gateway.UserDeleted())
    told = [event for stream in (*stays, *goes) for event in stream.told]
    stop = Stop()
    async with connect(nats_url, OWNER) as nats, open_pool(database_url) as pool:

        async def begin() -> Subscriptions:
            await emptied(pool)
            log = bootstrap.open_log(pool)
            for _, mo, _, *talks in (stays, goes):
                for session in talks[:-1]:
                    await decide(log, session, mo.stream_id)
            subscriptions = Subscriptions(OWNER, nats, stop.fail)
            listen(subscriptions, log, WatchSessions(pool, 1))
            return subscriptions

        async def rows() -> dict[str, list[dict[str, object]]]:
            left_out = {"left_out": [*COUNTED_OR_CLAIMED]}
            return {
                table: [row[0] for row in await fetch_all(pool, select, left_out)]
                for table, select in SELECTS.items()
            }

        await leaves_equal_rows(begin, rows, told)
        left = await rows()
    assert not stop.failed
    assert {row["user_id"] for kept in left.values() for row in kept} == {str(STAYS)}
    assert {table: len(kept) for table, kept in left.items()} == {
        "watches": 9,
        "agents": 2,
        "users": 1,
        "decisions": 7,
        "agent_caps": 1,
        "caps": 1,
    }
    assert sum(row["due_at"] is not None for row in left["watches"]) == 4
    assert sum(row["turn_open"] is True for row in left["watches"]) == 1
    assert [row["sent"] for row in left["agent_caps"]] == [7]
    assert [row["timezone"] for row in left["users"]] == ["Asia/Kathmandu"]
