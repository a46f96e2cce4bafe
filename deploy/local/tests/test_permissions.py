"""What the server lets each service say and hear, tried on the server."""

import json
import socket
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager

import nats
import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import NoRespondersError
from nats.js.errors import NotFoundError

from lingxi_local.nats import NatsServer, RunningNats
from lingxi_local.nats_configuration import ADMIN
from lingxi_local.permissions import OPERATOR, ROLES, SERVICE_DURABLES, SUBSCRIBER, USERS
from lingxi_local.ports import unused_port as find_unused_port
from tests.fixtures.waiting import eventually

ANSWER_SECONDS_MAX = 30.0
SERVICES = [role.service for role in ROLES]
CONSUMER_VERBS = ("DURABLE.CREATE", "INFO", "DELETE", "MSG.NEXT", "PAUSE", "RESET", "UNPIN")
STREAM_VERBS = ("CREATE", "UPDATE", "PURGE", "DELETE", "MSG.DELETE", "SNAPSHOT", "RESTORE")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsServer]:
    folder = tmp_path_factory.mktemp("nats")
    passwords = {user: f"of-{user}" for user in [ADMIN, *(role.service for role in USERS)]}
    server = NatsServer(folder, find_unused_port(), passwords, USERS)
    with RunningNats(server, folder / "log"):
        yield server


class Connection:
    """A service's connection, and what the server refused on it."""

    def __init__(self) -> None:
        self.client = Client()
        self.refused: list[str] = []

    async def note(self, error: Exception) -> None:
        """The server's refusal."""
        self.refused.append(str(error).lower())

    async def refuses(self, what: str) -> None:
        """Wait until the server has refused `what`, for example a subject."""
        await self.client.flush()
        await eventually(lambda: any(what.lower() in text for text in self.refused))


@asynccontextmanager
async def connected(server: NatsServer, service: str) -> AsyncGenerator[Connection]:
    connection = Connection()
    prefix = f"_INBOX_{service}".encode()
    url = server.url(service)
    async with await nats.connect(url, inbox_prefix=prefix, error_cb=connection.note) as client:
        connection.client = client
        yield connection


async def answered(asking: Connection, subject: str) -> None:
    """Wait for the answer "yes"."""

    async def yes() -> bool:
        try:
            return (await asking.client.request(subject, b"?")).data == b"yes"
        except (NoRespondersError, TimeoutError):
            # The client's flush may overtake the subscription, and the machine may be busy.
            return False

    await eventually(yes, ANSWER_SECONDS_MAX)


async def test_an_answer_reaches_who_asked(server: NatsServer) -> None:
    async with connected(server, "chat") as chat, connected(server, "gateway") as gateway:

        async def answer(request: Msg) -> None:
            await request.respond(b"yes")

        await chat.client.subscribe("chat.rpc.get_answer", queue="chat", cb=answer)
        await answered(gateway, "chat.rpc.get_answer")
        assert chat.refused + gateway.refused == []


@pytest.mark.parametrize("service", SERVICES)
async def test_nobody_publishes_for_another_owner(server: NatsServer, service: str) -> None:
    async with connected(server, service) as connection:
        for owner in SERVICES:
            if owner != service:
                subject = f"{owner}.event.something.user.stream"
                await connection.client.publish(subject, b"{}")
                await connection.refuses(f'"{subject}"')


@pytest.mark.parametrize("service", SERVICES)
async def test_nobody_hears_another_ones_answers(server: NatsServer, service: str) -> None:
    async with connected(server, service) as connection:
        for other in SERVICES:
            if other != service:
                await connection.client.subscribe(f"_INBOX_{other}.>")
                await connection.refuses(f'"_inbox_{other}.>"')
        await connection.client.subscribe(">")
        await connection.refuses('">"')


def may_publish(service: str) -> list[str]:
    """What the table lets a service publish to."""
    return next(role.publish() for role in ROLES if role.service == service)


def covered(subject: str, allowed: list[str]) -> bool:
    """Whether one of these patterns matches."""
    return any(
        subject == pattern or (pattern.endswith(".>") and subject.startswith(pattern[:-1]))
        for pattern in allowed
    )


@pytest.mark.parametrize("service", SERVICES)
async def test_nobody_does_to_anothers_stream_requests_and_consumers_what_is_not_listed(
    server: NatsServer, service: str
) -> None:
    """Each pair: to take another's requests, to ask what it need not, to change its stream."""
    allowed = may_publish(service)
    async with connected(server, service) as connection:
        for other in SERVICES:
            if other == service:
                continue
            stream = f"{other.upper()}_EVENTS"
            subjects = [
                f"{other}.rpc.something_else",
                f"{other}.ops.republish",
                f"{other}.relay",
                f"dead.{other}.handler.user.event",
                *(f"$JS.API.STREAM.{verb}.{stream}" for verb in STREAM_VERBS),
                f"$JS.API.CONSUMER.CREATE.{stream}.{service}-x.{other}.event.>",
                f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{other}-x",
            ]
            forbidden = [subject for subject in subjects if not covered(subject, allowed)]
            assert len(forbidden) >= len(STREAM_VERBS)
            for subject in forbidden:
                await connection.client.publish(subject, b"{}")
            for subject in forbidden:
                await connection.refuses(f'"{subject}"')
            for subject in (f"{other}.rpc.>", f"{other}.ops.>", f"{other}.event.>"):
                await connection.client.subscribe(subject, queue=other)
                await connection.refuses(f'"{subject}"')


def over_a_consumer(stream: str, name: str) -> list[str]:
    """All that JetStream offers for somebody's consumer: make, change, take from, answer, end."""
    api = "$JS.API.CONSUMER"
    return [
        f"{api}.CREATE.{stream}.{name}",
        f"{api}.CREATE.{stream}.{name}.gateway.event.>",
        *(f"{api}.{verb}.{stream}.{name}" for verb in CONSUMER_VERBS),
        f"$JS.ACK.{stream}.{name}.1.1.1.1.0",
    ]


@pytest.mark.parametrize("user", [*SERVICES, OPERATOR, SUBSCRIBER])
async def test_nobody_touches_anothers_consumers(server: NatsServer, user: str) -> None:
    """Each pair, each durable: events that another takes never reach their owner."""
    foreign = [
        (stream, name)
        for stream, names in SERVICE_DURABLES.items()
        for name in names
        if not name.startswith(f"{user}-")
    ]
    assert len(foreign) >= len(SERVICES)
    forbidden = [one for stream, name in foreign for one in over_a_consumer(stream, name)]
    # Without a name in the subject, the name in the body counts.
    forbidden += [f"$JS.API.CONSUMER.CREATE.{stream}" for stream in SERVICE_DURABLES]
    async with connected(server, user) as connection:
        for subject in forbidden:
            await connection.client.publish(subject, b"{}")
        await connection.client.flush()
        for subject in forbidden:
            await connection.refuses(f'"{subject}"')


async def test_a_consumers_own_name_opens_no_other(server: NatsServer) -> None:
    """Guards the table, which sees the subject alone: the name in the body must be the same."""
    async with connected(server, ADMIN) as admin, connected(server, "agent") as agent:
        js = admin.client.jetstream()
        await js.add_stream(name="GATEWAY_EVENTS", subjects=["gateway.event.>"])
        await js.add_consumer(
            "GATEWAY_EVENTS", name="chat-erase_user", durable_name="chat-erase_user"
        )
        before = await js.consumer_info("GATEWAY_EVENTS", "chat-erase_user")
        config = {"durable_name": "chat-erase_user", "name": "chat-erase_user"}
        config |= {"filter_subject": "gateway.event.nothing", "ack_policy": "explicit"}
        body = json.dumps({"stream_name": "GATEWAY_EVENTS", "config": config}).encode()
        for verb in ("CREATE", "DURABLE.CREATE"):
            subject = f"$JS.API.CONSUMER.{verb}.GATEWAY_EVENTS.agent-erase_user"
            told = await agent.client.request(subject, body, timeout=ANSWER_SECONDS_MAX)
            answer = json.loads(told.data)
            assert "does not match" in answer["error"]["description"]
        after = await js.consumer_info("GATEWAY_EVENTS", "chat-erase_user")
        assert after.config == before.config


async def test_only_the_owner_makes_and_purges_its_stream(server: NatsServer) -> None:
    async with connected(server, "chat") as chat, connected(server, "summarizer") as summarizer:
        await chat.client.jetstream().add_stream(name="CHAT_EVENTS", subjects=["chat.event.>"])
        await chat.client.jetstream().publish("chat.event.posted.user.stream", b"{}")
        await summarizer.client.publish("$JS.API.STREAM.PURGE.CHAT_EVENTS", b"")
        await summarizer.refuses("$js.api.stream.purge.chat_events")
        reader = await summarizer.client.jetstream().pull_subscribe(
            "chat.event.>", durable="summarizer-write_summary", stream="CHAT_EVENTS"
        )
        [message] = await reader.fetch(1)
        await message.ack_sync(timeout=ANSWER_SECONDS_MAX)
        assert message.data == b"{}"
        with pytest.raises(NotFoundError):
            await chat.client.jetstream().stream_info("CHAT_LIVE")


@pytest.mark.parametrize("credentials", [{}, {"user": "chat", "pass": "wrong"}])
def test_without_its_password_nobody_enters(
    server: NatsServer, credentials: dict[str, str]
) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
        connection.sendall(f"CONNECT {json.dumps(credentials)}\r\nPING\r\n".encode())
        received = b"".join(iter(lambda: connection.recv(4096), b""))
    assert b"-ERR 'Authorization Violation'" in received
    assert b"PONG" not in received


@pytest.mark.parametrize("service", SERVICES)
async def test_an_operator_alone_asks_for_operations(server: NatsServer, service: str) -> None:
    async with connected(server, service) as asked, connected(server, OPERATOR) as operator:

        async def answer(request: Msg) -> None:
            await request.respond(b"yes")

        await asked.client.subscribe(f"{service}.ops.get_status", queue=service, cb=answer)
        await answered(operator, f"{service}.ops.get_status")
        assert asked.refused + operator.refused == []
        for other in SERVICES:
            subject = f"{other}.ops.republish"
            await asked.client.publish(subject, b"{}")
            await asked.refuses(f'"{subject}"')


async def test_an_operator_speaks_for_no_owner(server: NatsServer) -> None:
    async with connected(server, OPERATOR) as operator:
        for subject in (
            "chat.event.a.b.c",
            "chat.rpc.post_message",
            "$JS.API.STREAM.PURGE.CHAT_EVENTS",
        ):
            await operator.client.publish(subject, b"{}")
            await operator.refuses(f'"{subject}"')
