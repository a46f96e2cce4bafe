"""Chat's handlers, all of them: shuffled, doubled and replayed events leave equal rows."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from lingxi_chassis.bus import connect
from lingxi_chassis.consumers import Subscriptions
from lingxi_chassis.postgres import fetch_all, open_pool
from lingxi_chassis.process import Stop
from lingxi_chat import bootstrap
from lingxi_chat.application.delete_session import tell_nobody
from lingxi_chat.entrypoints import events
from lingxi_contracts import agent, gateway
from lingxi_contracts.chat import OWNER, MessagePosted, SessionStarted, SummaryDue
from lingxi_contracts.envelope import Envelope
from lingxi_simulator.server import start as start_simulator
from services.chat.tests.component.harness import chat_settings
from services.scheduler.tests.component.events import NOON, Stream
from tests.fixtures.handlers import emptied, leaves_equal_rows
from tests.fixtures.read_models import tables_of

MESSAGES = 25
STAYS, GOES = UUID(int=1), UUID(int=2)
"""Users."""
KEPT, DELETED, OF_GONE = UUID(int=11), UUID(int=12), UUID(int=13)
"""Agents; the last one is of the user who goes."""
SESSIONS = {
    UUID(int=21): (STAYS, KEPT),
    UUID(int=22): (STAYS, DELETED),
    UUID(int=23): (GOES, OF_GONE),
}
TABLES = (*bootstrap.LEARNED, *tables_of(bootstrap.READ_MODELS), "recall_progress", "message_terms")


async def sessions_there(log: Any) -> None:
    """A session of each agent, of so many messages."""
    for session_id, (user_id, agent_id) in SESSIONS.items():
        posted = [
            MessagePosted(
                message_id=UUID(int=session_id.int * 1_000 + seq),
                seq=seq,
                text=f"Odile keeps bees, {seq}.",
                request_hash="hash",
            )
            for seq in range(1, MESSAGES + 1)
        ]
        started = SessionStarted(agent_id=agent_id, agent_name="Mo")
        await log.append(log.new(session_id, user_id), [started, *posted], NOON)


def everything() -> list[Envelope]:
    """All that chat listens to, of each user, agent and session."""
    told: list[Stream] = []
    for user_id in (STAYS, GOES):
        user = Stream(gateway.OWNER, user_id, user_id)
        zones = ("UTC", "Asia/Tokyo", "Asia/Kathmandu")
        user.tell(gateway.UserRegistered(username="lin", email=None, timezone=zones[0]))
        user.tell(*(gateway.UserChanged(email=None, timezone=zone) for zone in zones[1:]))
        told.append(user)
    told[-1].tell(gateway.UserDeleted())
    for session_id, (user_id, agent_id) in SESSIONS.items():
        session = Stream(OWNER, user_id, session_id, begins_at=NOON + timedelta(hours=1))
        session.tell(SummaryDue(to_seq=10), SummaryDue(to_seq=20))
        told += [session, companion(user_id, agent_id, session_id)]
    return [event for stream in told for event in stream.told]


def companion(user_id: UUID, agent_id: UUID, session_id: UUID) -> Stream:
    """An agent that was renamed, looked at a session twice, and has a suggestion that waits."""
    stream = Stream(agent.OWNER, user_id, agent_id)
    described: dict[str, Any] = {"parameters": agent.AgentParameters(), "timings": None}
    first, second = (UUID(int=agent_id.int * 100 + n) for n in range(2))
    stream.tell(agent.AgentCreated(name="Mo", **described))
    for number, suggestion_id in enumerate((first, second)):
        stream.tell(
            agent.AgentChanged(name=f"Mo {number}", **described),
            agent.PersonalityReviewed(session_id=session_id, to_seq=20 * (number + 1)),
            agent.PersonalitySuggested(
                suggestion_id=suggestion_id,
                session_id=session_id,
                reason="",
                suggested_personality="Brief.",
                confidence=0.5,
                based_on_version=1,
            ),
        )
        if suggestion_id == first:
            stream.tell(
                agent.PersonalitySuggestionClosed(
                    suggestion_id=first, session_id=session_id, outcome="dismissed"
                )
            )
    if agent_id != KEPT:
        stream.tell(agent.AgentDeleted())
    return stream


async def test_events_in_any_order_and_number_leave_equal_rows(
    database_url: str, nats_url: str
) -> None:
    """Guards the handlers' guards, `events.py`; and that none is forgotten here."""
    simulator = await start_simulator()
    embedding = {"OPENAI_EMBEDDING_MODEL": "simulated-embedding"}
    settings = chat_settings(database_url, nats_url, simulator, **embedding)
    bootstrap.migrate(settings)
    stop = Stop()
    async with (
        connect(nats_url, OWNER) as nats,
        open_pool(database_url) as pool,
        bootstrap.start_recalling(settings, pool, stop) as recalling,
    ):
        vectors = ("message_embeddings",) if recalling.meant else ()

        async def begin() -> Subscriptions:
            await emptied(pool)
            log = bootstrap.session_log(pool)
            await sessions_there(log)
            subscriptions = Subscriptions(OWNER, nats, stop.fail)
            events.listen(subscriptions, log, tell_nobody, recalling.meant)
            return subscriptions

        async def rows() -> dict[str, list[str]]:
            selects = {
                one: f"select t::text from {one} t order by 1" for one in (*TABLES, *vectors)
            }
            return {
                table: [row[0] for row in await fetch_all(pool, select, {})]
                for table, select in selects.items()
            }

        await leaves_equal_rows(begin, rows, everything())
        left = await rows()
        assert {table: len(left[table]) for table in (*TABLES, *vectors)} == {
            "agents": 3,
            "users": 1,
            "reviews": 1,
            "messages": MESSAGES,
            "sessions": 1,
            "summaries": 0,
            "recall_progress": 1,
            **dict.fromkeys(("message_terms", *vectors), 20),
        }
    assert not stop.failed
    await simulator.close()
