"""The service as its neighbours see it: its health, and what it tells on its stream."""

import asyncio
from http import HTTPStatus
from uuid import UUID

import httpx
import nats
import orjson
from nats.js import JetStreamContext
from nats.js.errors import NotFoundError

from lingxi_chassis.ids import new_id
from lingxi_contracts.agent import ChangePersonality, CreateAgent, DeleteAgent
from lingxi_contracts.envelope import Envelope
from lingxi_contracts.subjects import event_subjects
from services.agent.tests.component.conftest import RunningAgent
from tests.fixtures.waiting import eventually

WAIT_SECONDS_MAX = 60


async def test_it_becomes_ready(agent: RunningAgent) -> None:
    url = f"http://127.0.0.1:{agent.settings.internal_port}/health/ready"
    async with asyncio.timeout(WAIT_SECONDS_MAX), httpx.AsyncClient(timeout=30) as client:
        while (answer := await client.get(url)).status_code != HTTPStatus.OK:
            assert set(answer.json()["reasons"]) <= {"relay", "consumers"}
    assert answer.json() == {"status": "ready", "reasons": {}}


async def is_there(js: JetStreamContext, stream: str) -> bool:
    try:
        await js.stream_info(stream)
    except NotFoundError:
        return False
    return True


async def test_what_happens_is_told_in_order(
    agent: RunningAgent, nats_url: str, user_id: UUID
) -> None:
    agent_id = new_id()
    await agent.rpc.call(CreateAgent(user_id=user_id, agent_id=agent_id, agent_name="Mo"))
    await agent.rpc.call(
        ChangePersonality(user_id=user_id, agent_id=agent_id, personality_prompt="Kind.")
    )
    told: list[tuple[str, Envelope]] = []
    async with await nats.connect(nats_url) as client:
        js = client.jetstream()
        await eventually(lambda: is_there(js, "AGENT_EVENTS"))
        subscription = await js.subscribe(
            event_subjects("agent"), stream="AGENT_EVENTS", ordered_consumer=True
        )
        while len(told) < 4:
            message = await subscription.next_msg(WAIT_SECONDS_MAX)
            told.append((message.subject, Envelope.model_validate(orjson.loads(message.data))))
            if len(told) == 3:  # not before: what is deleted is erased from the stream
                await agent.rpc.call(DeleteAgent(user_id=user_id, agent_id=agent_id))
    names = ["agent_created", "personality_changed", "personality_changed", "agent_deleted"]
    assert [subject for subject, _ in told] == [
        f"agent.event.{name}.{user_id}.{agent_id}" for name in names
    ]
    assert [envelope.sequence for _, envelope in told] == [1, 2, 3, 4]
    assert told[2][1].data is not None
    assert told[2][1].data["personality_prompt"] == "Kind."
