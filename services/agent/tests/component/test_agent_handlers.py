"""Agent's handlers, all of them: shuffled, doubled and replayed events leave equal rows."""

from uuid import UUID

from lingxi_agent import bootstrap
from lingxi_agent.application.agent_log import AgentLog
from lingxi_agent.application.create_agent import create_agent
from lingxi_agent.application.delete_agent import delete_agent
from lingxi_agent.application.record_memories import record_memories
from lingxi_agent.application.record_review import record_review
from lingxi_agent.entrypoints import events
from lingxi_agent.settings import Settings
from lingxi_chassis.bus import connect
from lingxi_chassis.consumers import Subscriptions
from lingxi_chassis.erasure import Redactor
from lingxi_chassis.postgres import fetch_all, open_pool
from lingxi_chassis.process import Stop
from lingxi_contracts import chat, gateway
from lingxi_contracts.agent import OWNER, AgentDeleted, CreateAgent, DeleteAgent
from lingxi_contracts.envelope import Envelope
from services.agent.tests.component.companion import learned, review
from services.scheduler.tests.component.events import NOON, Stream
from tests.fixtures.handlers import emptied, leaves_equal_rows
from tests.fixtures.read_models import tables_of

STAYS, GOES = UUID(int=1), UUID(int=2)
"""Users."""
REPLACED = UUID(int=3)
"""A message of each session; what rests on it is forgotten."""
KEPT, DELETED, OF_GONE = UUID(int=11), UUID(int=12), UUID(int=13)
"""Agents; the last one is of the user who goes."""
AGENTS = {KEPT: STAYS, DELETED: STAYS, OF_GONE: GOES}
TABLES = (*tables_of(bootstrap.READ_MODELS), "sessions")


def sessions_of(agent_id: UUID) -> tuple[UUID, UUID]:
    """One that stays, and one that is deleted."""
    return UUID(int=agent_id.int * 10), UUID(int=agent_id.int * 10 + 1)


async def agents_there(log: AgentLog) -> None:
    """Each agent with memories and suggestions from two sessions."""
    for agent_id, user_id in AGENTS.items():
        created = CreateAgent(
            user_id=user_id,
            agent_id=agent_id,
            agent_name=f"Mo {agent_id.int}",
            personality_prompt="Kind.",
        )
        made = await create_agent(log, created, NOON)
        for session_id in sessions_of(agent_id):
            texts = f"One of {session_id}.", f"Another of {session_id}."
            command = learned(made, user_id, session_id, *texts)
            said = [
                fact.model_copy(update={"message_ids": (message_id,)})
                for fact, message_id in zip(command.facts, (STAYS, REPLACED), strict=True)
            ]
            await record_memories(log, command.model_copy(update={"facts": tuple(said)}), NOON)
            await record_review(log, review(made, user_id, session_id, evidence=()), NOON)


def everything() -> list[Envelope]:
    """All that agent listens to, of each user, session and agent that goes."""
    told = [Stream(gateway.OWNER, GOES, GOES), Stream(OWNER, STAYS, DELETED)]
    told[0].tell(gateway.UserDeleted())
    told[1].tell(AgentDeleted())
    for agent_id, user_id in AGENTS.items():
        kept, deleted = (Stream(chat.OWNER, user_id, one) for one in sessions_of(agent_id))
        for session in (kept, deleted):
            session.tell(chat.MessagesSuperseded(message_ids=(REPLACED,), by_turn_id=STAYS))
        deleted.tell(chat.SessionDeleted())
        told += (kept, deleted)
    return [event for stream in told for event in stream.told]


async def test_events_in_any_order_and_number_leave_equal_rows(
    database_url: str, nats_url: str
) -> None:
    """Guards the handlers' guards, `events.py`; and that none is forgotten here."""
    settings = Settings.model_validate(
        {"DATABASE_URL": database_url, "NATS_URL": nats_url, "LINGXI_INTERNAL_PORT": 0}
    )
    bootstrap.migrate(settings)
    stop = Stop()
    async with connect(nats_url, OWNER) as nats, open_pool(database_url) as pool:

        async def begin() -> Subscriptions:
            await emptied(pool)
            log = bootstrap.open_log(pool)
            await agents_there(log)
            await delete_agent(log, DeleteAgent(user_id=STAYS, agent_id=DELETED), NOON)
            subscriptions = Subscriptions(OWNER, nats, stop.fail)
            events.listen(subscriptions, log, Redactor(OWNER, pool, nats.jetstream()))
            return subscriptions

        async def rows() -> dict[str, list[str]]:
            selects = {one: f"select t::text from {one} t order by 1" for one in TABLES}
            return {
                table: [row[0] for row in await fetch_all(pool, select, {})]
                for table, select in selects.items()
            }

        await leaves_equal_rows(begin, rows, everything())
        left = await rows()
        assert len(left["memories"]) == 1
        assert len(left["personality_suggestions"]) == 1
        assert len(left["agents"]) == 1
    assert not stop.failed
