"""`lingxi subscriber-url`: its credential reads the event streams, and does nothing else at all."""

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import nats
import pytest
from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.js.api import AckPolicy, ConsumerConfig

from clients.cli.tests.calling import Person
from clients.cli.tests.conftest import Lingxi
from lingxi_contracts.envelope import Envelope
from lingxi_contracts.operations import OWNERS
from lingxi_contracts.subjects import stream_name
from tests.fixtures.system import RunningSystem
from tests.fixtures.waiting import eventually

FORBIDDEN_TO_SAY = (
    "chat.event.message_posted.user.session",
    "chat.rpc.post_message",
    "gateway.ops.list_users",
    "chat.ops.republish",
    "chat.live.user.session",
    "chat.work",
    "chat.relay",
    "dead.chat.handler.user.event",
    "_INBOX_gateway.answer",
    "$JS.API.STREAM.PURGE.CHAT_EVENTS",
    "$JS.API.STREAM.DELETE.CHAT_EVENTS",
    "$JS.API.STREAM.UPDATE.CHAT_EVENTS",
    "$JS.API.STREAM.MSG.DELETE.CHAT_EVENTS",
    "$JS.API.STREAM.CREATE.MINE",
    "$JS.API.STREAM.INFO.CHAT_LIVE",
    "$JS.API.STREAM.INFO.DEAD_LETTERS",
    "$JS.API.CONSUMER.LIST.CHAT_EVENTS",
    "$JS.API.CONSUMER.CREATE.CHAT_LIVE.mine",
    "$JS.API.CONSUMER.CREATE.DEAD_LETTERS.mine",
    # Without a name in the subject, the name in the body may be a service's: it would be changed.
    "$JS.API.CONSUMER.CREATE.AGENT_EVENTS",
)
FORBIDDEN_TO_HEAR = (">", "chat.>", "chat.event.>", "chat.live.>", "_INBOX_chat.>", "$JS.>")


class Subscriber:
    """Somebody else's program, with the credential, and what the server refused it."""

    def __init__(self, client: Client, refused: list[str]) -> None:
        self.client = client
        self._refused = refused

    async def is_refused(self, subject: str) -> None:
        await self.client.flush()
        await eventually(lambda: any(f'"{subject.lower()}"' in one for one in self._refused))


@asynccontextmanager
async def connected(url: str) -> AsyncGenerator[Subscriber]:
    refused: list[str] = []

    async def failed(error: Exception) -> None:
        refused.append(str(error).lower())

    async with await nats.connect(url, error_cb=failed) as client:
        yield Subscriber(client, refused)
        assert client.is_connected


@pytest.fixture
def url(lingxi: Lingxi) -> str:
    printed = lingxi("subscriber-url")
    assert printed.code == 0
    assert printed.out.startswith("nats://subscriber:")
    return printed.out.strip()


def test_where_another_server_is_named_it_says_how_or_what_was_said(lingxi: Lingxi) -> None:
    """Guards that it is of use on somebody's own server, and tells no other credentials."""
    ours = "nats://operator:secret@nats-1:4222,nats://operator:secret@nats-2:4222"
    how = lingxi("subscriber-url", NATS_URL=ours)
    assert how.complained(1, "nats://subscriber:PASSWORD@nats-1:4222,nats-2:4222:", "NATS_SUB")
    assert "secret" not in how.err
    theirs = "nats://subscriber:theirs@nats-1:4222"
    said = lingxi("subscriber-url", NATS_URL=ours, NATS_SUBSCRIBER_URL=theirs)
    assert (said.code, said.out) == (0, f"{theirs}\n")


async def test_it_reads_and_remembers_its_place(
    url: str, person: Person, system: RunningSystem
) -> None:
    """Guards what it is for: a durable consumer and one without, by a client with no settings."""
    session_id = person.say("hello")["session_id"]
    subject = f"chat.event.message_posted.{person.user_id}.>"
    async with connected(url) as subscriber:
        stream = subscriber.client.jetstream()
        for durable in (f"copy-{person.user_id}", None):
            reader = await stream.pull_subscribe(subject, durable=durable)
            [message] = await reader.fetch(1, timeout=5)
            event = Envelope.model_validate_json(message.data)
            assert event.data is not None
            assert (str(event.subject), event.data["text"]) == (session_id, "hello")
            await message.ack_sync()
        again = await stream.pull_subscribe(subject, durable=f"copy-{person.user_id}")
        with pytest.raises(NatsError):  # acknowledged
            await again.fetch(1, timeout=0.2)
        await stream.delete_consumer("CHAT_EVENTS", f"copy-{person.user_id}")


async def test_it_says_and_hears_nothing_else(url: str) -> None:
    """Guards the deny-by-default of its permissions, tried on the server."""
    async with connected(url) as subscriber:
        for subject in FORBIDDEN_TO_SAY:
            await subscriber.client.publish(subject, b"{}")
            await subscriber.is_refused(subject)
        for subject in FORBIDDEN_TO_HEAR:
            await subscriber.client.subscribe(subject)
            await subscriber.is_refused(subject)


async def test_it_leaves_the_services_consumers_alone(url: str, system: RunningSystem) -> None:
    """Guards the list of the services' durables: a new handler that is not on it fails here."""
    async with (
        connected(url) as subscriber,
        await nats.connect(system.local.servers.nats_admin_url) as admin,
    ):
        durables = [
            (stream_name(owner), info.name)
            for owner in OWNERS
            for info in await admin.jetstream().consumers_info(stream_name(owner))
            if info.config.durable_name and not info.name.startswith("copy-")
        ]
        assert len(durables) >= 3
        for stream, name in durables:
            config = ConsumerConfig(durable_name=name, ack_policy=AckPolicy.EXPLICIT)
            body = json.dumps({"stream_name": stream, "config": config.as_dict()}).encode()
            for subject in (
                f"$JS.API.CONSUMER.CREATE.{stream}.{name}",
                f"$JS.API.CONSUMER.CREATE.{stream}.{name}.agent.event.>",
                f"$JS.API.CONSUMER.DURABLE.CREATE.{stream}.{name}",
                f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{name}",
                f"$JS.API.CONSUMER.DELETE.{stream}.{name}",
                f"$JS.ACK.{stream}.{name}.1.1.1.1.0",
            ):
                await subscriber.client.publish(subject, body)
                await subscriber.is_refused(subject)
