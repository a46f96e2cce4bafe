"""The tail on a real server, behind a real log and its relay: exact, whatever breaks."""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from uuid import UUID

import orjson
import psycopg
import pytest
from nats.aio.client import Client
from pydantic import TypeAdapter

from lingxi_chassis.bus import connect
from lingxi_chassis.clock import utc_now
from lingxi_chassis.eventlog import EventLog, Snapshot, schema
from lingxi_chassis.ids import new_id
from lingxi_chassis.postgres import open_pool
from lingxi_chassis.relay import Relay, StreamLimits, relay
from lingxi_chassis.relay.stream import ensure_stream
from lingxi_contracts.base import Event
from lingxi_contracts.chat import MessagePosted, MessageSent, TurnCompleted, Usage
from lingxi_contracts.subjects import event_filter, event_subject, stream_name
from lingxi_gateway.adapters import tail
from lingxi_gateway.adapters.tail import Tail
from lingxi_gateway.application.outcome import Answered
from lingxi_gateway.application.waiters import HEARD, Waiters
from lingxi_local.nats import NatsServer, RunningNats
from lingxi_local.nats_configuration import ADMIN
from lingxi_local.permissions import ROLES
from tests.fixtures.waiting import eventually

STREAM = stream_name("chat")
SUBJECTS = tuple(event_filter("chat", name) for name in HEARD)
USER = new_id()
WAIT_SECONDS = 30.0


@dataclass
class Chat:
    """One session of chat's log, and how many messages the agent sent in it."""

    log: EventLog[int, Event]
    snapshot: Snapshot[int]
    sent: list[UUID] = field(default_factory=list[UUID])

    @property
    def session_id(self) -> UUID:
        return self.snapshot.stream_id

    async def answer(self, message_id: UUID, text: str = "Hello.") -> MessageSent:
        """A whole turn in one append, as chat does it."""
        turn_id, seq = new_id(), len(self.sent) + 1
        posted = MessagePosted(message_id=message_id, seq=seq, text="Hi.", request_hash="h")
        said = MessageSent(
            message_id=new_id(), seq=seq, turn_id=turn_id, bubble=0, delay_ms=0, text=text
        )
        completed = TurnCompleted(
            turn_id=turn_id,
            answers=(message_id,),
            answers_up_to=seq,
            message_ids=(said.message_id,),
            attempt=1,
            model="m",
            usage=Usage(prompt_tokens=1, completion_tokens=1),
            latency_ms=1,
            personality_version=1,
        )
        events = (posted, said, completed)
        self.snapshot = await self.log.append(self.snapshot, events, utc_now())
        self.sent.append(said.message_id)
        return said


@dataclass
class Heard:
    """What a tail dispatched: the ids of the messages sent, and how often it told of a gap."""

    waiters: Waiters = field(default_factory=Waiters)
    sent: list[UUID] = field(default_factory=list[UUID])
    names: set[str] = field(default_factory=set[str])
    gaps: int = 0

    def dispatch(self, subject: str, envelope: bytes) -> None:
        name = subject.split(".")[2]
        self.names.add(name)
        if name == "message_sent":
            self.sent.append(UUID(orjson.loads(envelope)["data"]["message_id"]))
        self.waiters.dispatch(subject, envelope)

    def gap(self) -> None:
        self.gaps += 1
        self.waiters.doubt()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tail, "CHECK_SECONDS", 0.3)
    monkeypatch.setattr(relay, "CHECK_SECONDS", 0.3)


@pytest.fixture
def server(tmp_path: Path, unused_port: int) -> Iterator[RunningNats]:
    """With the permissions that services have."""
    passwords = {role.service: "only-for-tests" for role in ROLES} | {ADMIN: "only-for-tests"}
    nats = NatsServer(tmp_path / "nats", unused_port, passwords)
    nats.data_dir.mkdir()
    with RunningNats(nats, tmp_path / "nats.log") as running:
        yield running


@pytest.fixture
async def gateway(server: RunningNats) -> AsyncGenerator[Client]:
    async with connect(server.server.url("gateway"), "gateway") as nats:
        yield nats


@pytest.fixture
async def admin(server: RunningNats) -> AsyncGenerator[Client]:
    async with connect(server.server.url(ADMIN), "tester") as nats:
        yield nats


def _count(state: int, event: Event, at: datetime) -> int:
    return state + 1


@asynccontextmanager
async def running_chat(url: str, server: RunningNats) -> AsyncGenerator[Chat]:
    """Chat's log with its relay."""
    async with AsyncExitStack() as stack:
        async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
            for statement in schema.CREATE:
                await connection.execute(statement.encode())
        pool = await stack.enter_async_context(open_pool(url, 2))
        nats = await stack.enter_async_context(connect(server.server.url("chat"), "chat"))
        publisher = Relay("chat", url, nats)
        log: EventLog[int, Event] = EventLog(
            pool, TypeAdapter(int), 0, _count, on_append=publisher.wake
        )
        relaying = asyncio.create_task(publisher.run())
        yield Chat(log, log.new(new_id(), USER))
        relaying.cancel()
        await asyncio.wait([relaying])


@asynccontextmanager
async def following(nats: Client, heard: Heard) -> AsyncGenerator[Tail]:
    """A tail, from the moment it follows (or says why it does not)."""
    following = Tail(nats, STREAM, SUBJECTS, heard.dispatch, heard.gap)
    running = asyncio.create_task(following.run())
    await eventually(lambda: following.trouble != "the tail has not started")
    yield following
    assert not running.done()
    running.cancel()
    await asyncio.wait([running])


async def published(admin: Client, chat: Chat) -> None:
    """The relay has published all that chat said."""

    async def all_in() -> bool:
        info = await admin.jetstream().stream_info(STREAM)
        return info.state.last_seq >= chat.snapshot.version

    await eventually(all_in)


async def test_it_tells_what_comes_from_now_on_and_only_what_is_wanted(
    database_url: str, server: RunningNats, gateway: Client, admin: Client
) -> None:
    heard = Heard()
    async with running_chat(database_url, server) as chat:
        await eventually(lambda: _has_stream(admin))
        await chat.answer(new_id())
        await published(admin, chat)
        async with following(gateway, heard) as tail_:
            assert tail_.trouble is None
            for _ in range(50):
                await chat.answer(new_id())
            await eventually(lambda: len(heard.sent) == 50)
    assert heard.sent == chat.sent[1:]
    assert heard.names == {"message_sent", "turn_completed"}
    assert heard.gaps == 1


async def test_a_waiter_gets_its_answer(
    database_url: str, server: RunningNats, gateway: Client, admin: Client
) -> None:
    heard = Heard()
    message_id = new_id()
    async with running_chat(database_url, server) as chat:
        await eventually(lambda: _has_stream(admin))
        async with following(gateway, heard):
            with heard.waiters.waiting(chat.session_id, message_id) as waiter:
                said = await chat.answer(message_id, "你好。")
                outcome = await waiter.wait(WAIT_SECONDS)
    assert isinstance(outcome, Answered)
    (bubble,) = outcome.bubbles
    assert outcome.turn_id == str(said.turn_id)
    assert (bubble.message_id, bubble.text) == (str(said.message_id), "你好。")


async def test_it_is_exact_through_kills_of_the_server(
    database_url: str, server: RunningNats, gateway: Client, admin: Client
) -> None:
    heard = Heard()
    async with running_chat(database_url, server) as chat:
        await eventually(lambda: _has_stream(admin))
        async with following(gateway, heard) as tail_:
            for killed in range(3):
                for _ in range(5):
                    await chat.answer(new_id())
                if killed:  # the first time, it may still have all of them before it
                    await eventually(lambda: bool(heard.sent))
                server.kill()
                await chat.answer(new_id())
                server.start()
                await chat.answer(new_id())
            await eventually(lambda: len(heard.sent) >= len(chat.sent), 30.0)
            await eventually(lambda: tail_.trouble is None)
    assert heard.sent == chat.sent
    assert heard.gaps == 1


async def test_events_that_the_library_drops_come_again(
    server: RunningNats, gateway: Client, admin: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards the consumer's count: more comes at once than the subscription holds."""
    monkeypatch.setattr(tail, "PENDING_EVENTS_MAX", 16)
    js = admin.jetstream()
    await ensure_stream(js, "chat", StreamLimits())
    heard = Heard()
    sent = [new_id() for _ in range(40)]
    subject = event_subject("chat", MessageSent.tag, USER, new_id())
    async with following(gateway, heard) as tail_:
        assert tail_.trouble is None
        for message_id in sent:
            if message_id == sent[-1]:  # the others came at once: those kept are handled first
                await eventually(lambda: len(heard.sent) > 0)
            data = {"data": {"message_id": message_id, "turn_id": new_id()}}
            await admin.publish(subject, orjson.dumps(data))
        await eventually(lambda: len(heard.sent) >= len(sent), WAIT_SECONDS)
    assert heard.sent == sent
    assert heard.gaps == 1


async def test_a_stream_that_is_not_there_yet_is_followed_once_it_is(
    database_url: str, server: RunningNats, gateway: Client
) -> None:
    heard = Heard()
    async with following(gateway, heard) as tail_:
        assert "stream not found" in (tail_.trouble or "")
        async with running_chat(database_url, server) as chat:
            await eventually(lambda: tail_.trouble is None)
            assert heard.gaps == 1
            await chat.answer(new_id())
            await eventually(lambda: heard.sent == chat.sent)


async def test_a_stream_that_vanished_is_followed_again_and_waiters_ask(
    database_url: str, server: RunningNats, gateway: Client, admin: Client
) -> None:
    heard = Heard()
    async with running_chat(database_url, server) as chat:
        await eventually(lambda: _has_stream(admin))
        async with following(gateway, heard) as tail_:
            await chat.answer(new_id())
            await eventually(lambda: heard.sent == chat.sent)
            with heard.waiters.waiting(chat.session_id, new_id()) as waiter:
                await admin.jetstream().delete_stream(STREAM)
                await eventually(lambda: heard.gaps == 2)
                assert waiter.woken
                assert await waiter.wait(WAIT_SECONDS) is None
            await eventually(lambda: tail_.trouble is None)
            message_id = new_id()
            with heard.waiters.waiting(chat.session_id, message_id) as waiter:
                await chat.answer(message_id)
                assert isinstance(await waiter.wait(WAIT_SECONDS), Answered)


async def test_a_consumer_that_vanished_is_replaced_without_a_gap(
    database_url: str, server: RunningNats, gateway: Client, admin: Client
) -> None:
    heard = Heard()
    async with running_chat(database_url, server) as chat:
        await eventually(lambda: _has_stream(admin))
        async with following(gateway, heard):
            await chat.answer(new_id())
            await eventually(lambda: heard.sent == chat.sent)
            [consumer] = await admin.jetstream().consumers_info(STREAM)
            await admin.jetstream().delete_consumer(STREAM, consumer.name)
            for _ in range(3):
                await chat.answer(new_id())
            await eventually(lambda: len(heard.sent) == 4)
    assert heard.sent == chat.sent
    assert heard.gaps == 1


async def _has_stream(admin: Client) -> bool:
    return any(info.config.name == STREAM for info in await admin.jetstream().streams_info())
