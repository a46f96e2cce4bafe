"""Words about changes: on the connection of whoever is answered, before the answer."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from uuid import UUID

from nats.aio.client import Client
from nats.aio.msg import Msg

from lingxi_agent import bootstrap
from lingxi_chassis.bus import connect
from lingxi_chassis.ids import new_id
from lingxi_chassis.process import Stop
from lingxi_chassis.rpc import RpcClient
from lingxi_contracts.agent import OWNER, ChangePersonality, GetProfile
from lingxi_contracts.operations import Rebuild
from lingxi_contracts.subjects import PROFILES_CHANGED, profiles_changed
from services.agent.tests.component.companion import create
from services.agent.tests.component.conftest import RunningAgent
from tests.fixtures.waiting import eventually

EVERYBODY = profiles_changed(None)


@asynccontextmanager
async def listening(agent: RunningAgent) -> AsyncGenerator[tuple[Client, list[str]]]:
    """A connection, and what is told on it from now on."""
    told: list[str] = []

    async def heard(message: Msg) -> None:
        told.append(message.subject)

    async with connect(agent.settings.nats_url, "tester") as nats:
        await nats.subscribe(PROFILES_CHANGED, cb=heard)
        await nats.flush()
        yield nats, told


async def test_whoever_is_answered_was_told_of_the_change_before(
    agent: RunningAgent, user_id: UUID
) -> None:
    """Guards `on_change` in `EventLog.append`, and `Changes.tell`."""
    made = await create(agent, user_id)
    async with listening(agent) as (nats, told):
        rpc = RpcClient(nats)
        await rpc.call(GetProfile(user_id=user_id, agent_id=made.agent_id))
        assert told == []
        # The last is a repeat: whoever did it first may have died before the word.
        for number, personality in enumerate(("1", "2", "3", "4", "4"), 1):
            command = ChangePersonality(
                user_id=user_id, agent_id=made.agent_id, personality_prompt=personality
            )
            await rpc.call(command)
            assert told == [profiles_changed(user_id)] * number


async def test_where_words_may_have_been_lost_all_is_to_be_asked_anew(agent: RunningAgent) -> None:
    """Guards the words of `bootstrap` about everybody's agents: at a start and after a rebuild."""
    async with listening(agent) as (nats, told):
        another = agent.settings.model_copy(update={"internal_port": 0})
        async with bootstrap.start(another, Stop()):
            await eventually(lambda: told == [EVERYBODY])
        rebuild = Rebuild(operation_id=new_id())
        await RpcClient(nats).call(rebuild, timeout_seconds=30.0, owner=OWNER)
        await eventually(lambda: told == [EVERYBODY] * 2)
