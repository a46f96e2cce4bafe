"""Dead letters for an operator: listed, replayed by their service, dropped."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from nats.aio.client import Client

from libs.chassis.tests.clerk import QUICK, Publisher, Seen, replica
from lingxi_chassis.bus import connect
from lingxi_chassis.consumers import Subscriptions
from lingxi_chassis.consumers.letters import Letter, drop_letter, list_letters, replay_letter
from lingxi_chassis.ids import new_id
from lingxi_chassis.postgres import Pool, execute
from lingxi_chassis.relay.pages import read_event
from lingxi_chassis.relay.stream import StreamLimits, ensure_stream
from lingxi_chassis.rpc import RpcClient, RpcServer
from lingxi_contracts.dead_letters import (
    EventGone,
    HandlerFailed,
    HandlerUnknown,
    ReplayLetter,
)
from lingxi_contracts.envelope import Envelope
from lingxi_contracts.errors import SessionNotFound, Unavailable
from lingxi_contracts.reading import ReadEvent
from lingxi_local.nats import NatsServer, RunningNats
from lingxi_local.permissions import OPERATOR, USERS
from tests.fixtures.waiting import eventually


@pytest.fixture(autouse=True)
def dead_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first exception of a handler is the last."""
    monkeypatch.setattr("lingxi_chassis.consumers.handling.UNEXPECTED_DELIVERIES_MAX", 1)


@pytest.fixture
async def shop(nats_url: str) -> AsyncIterator[Publisher]:
    async with connect(nats_url, "shop") as nats:
        publisher = Publisher(nats)
        await publisher.open()
        yield publisher


@pytest.fixture
async def nats(nats_url: str) -> AsyncIterator[Client]:
    """The operator's."""
    async with connect(nats_url, "operator") as client:
        yield client


@asynccontextmanager
async def clerk(url: str, handle: Callable[[Envelope], Any]) -> AsyncGenerator[None]:
    """The service, which answers operators."""
    async with connect(url, "clerk") as served, replica(url, handle) as subscriptions:
        server = RpcServer(served, "clerk")
        await server.serve(ReplayLetter, subscriptions.replay)
        yield
        await server.finish()


def broken(_: Envelope) -> None:
    raise KeyError


async def buried(shop: Publisher, nats_url: str, count: int = 1) -> list[Letter]:
    """The letters once a broken service has written as many."""

    async def written() -> bool:
        return len(await list_letters(shop.js)) == count

    async with replica(nats_url, Seen(broken)):
        await eventually(written)
    return list(await list_letters(shop.js))


async def dead(shop: Publisher, nats_url: str, count: int = 1) -> list[Letter]:
    """Letters about as many events, of a service that is broken."""
    await shop.publish(count)
    letters = await buried(shop, nats_url, count)
    assert {letter.event_id for letter in letters} == set(shop.published[-count:])
    return letters


async def test_letters_are_listed_in_pages_and_by_handler(
    shop: Publisher, nats_url: str, nats: Client
) -> None:
    """Guards the list: all of them, oldest first, with what an operator needs to judge."""
    js = nats.jetstream()
    letters = await dead(shop, nats_url, 5)
    first = await list_letters(js, limit=2)
    rest = await list_letters(js, after_seq=first[-1].seq)
    assert [*first, *rest] == letters
    assert {(one.service, one.handler, one.owner) for one in letters} == {
        ("clerk", "count", "shop")
    }
    assert {(one.type, one.error, one.deliveries) for one in letters} == {
        ("thing_sold.v1", "KeyError", 1)
    }
    assert await list_letters(js, "clerk", "count") == letters
    assert await list_letters(js, "clerk", "other") == []
    assert await list_letters(js, "baker") == []


async def test_without_letters_the_list_is_empty(nats: Client) -> None:
    """Guards a new installation: the stream may not be there yet."""
    assert await list_letters(nats.jetstream()) == []


async def test_a_replayed_letter_is_handled_and_gone(
    shop: Publisher, nats_url: str, nats: Client
) -> None:
    """Guards the replay: the mended handler gets the event of the letter, and no other."""
    js = nats.jetstream()
    one, two = await dead(shop, nats_url, 2)
    seen = Seen()
    async with clerk(nats_url, seen):
        replayed = await replay_letter(RpcClient(nats), js, two)
        assert replayed.outcome == "handled"
    assert seen.ids == [two.event_id]
    assert await list_letters(js) == [one]


@pytest.mark.parametrize("recreated", [True, False])
async def test_an_event_that_its_stream_does_not_hold_is_found_in_the_log(
    shop: Publisher, nats_url: str, nats: Client, log_pool: Pool, recreated: bool
) -> None:
    """Guards replays after days, or after a heal: other events stand where the letter says."""
    js = nats.jetstream()
    event = await shop.publish()
    [letter] = await buried(shop, nats_url)
    assert letter.event_id == event.id
    if recreated:
        await js.delete_stream("SHOP_EVENTS")
        await shop.open()
    else:
        await js.purge_stream("SHOP_EVENTS")
    for _ in range(3):
        await shop.publish(userid=event.userid)
    seen = Seen()
    async with clerk(nats_url, seen):
        await eventually(lambda: len(seen.ids) >= 3)
        seen.ids.clear()
        async with answering(nats, "shop", log_pool):
            with pytest.raises(EventGone):
                await replay_letter(RpcClient(nats), js, letter)
            await put_into(log_pool, event)
            assert (await replay_letter(RpcClient(nats), js, letter)).outcome == "handled"
    assert seen.ids == [event.id]


@asynccontextmanager
async def answering(nats: Client, owner: str, log_pool: Pool) -> AsyncGenerator[None]:
    """The owner answers from its log."""
    server = RpcServer(nats, owner)
    await server.serve(ReadEvent, lambda question: read_event(log_pool, owner, question))
    yield
    await server.finish()


async def put_into(log_pool: Pool, event: Envelope) -> None:
    await execute(
        log_pool,
        "insert into events (event_id, stream_id, version, type, user_id, occurred_at, data)"
        " values (%(id)s, %(subject)s, 1, %(type)s, %(userid)s, %(time)s, %(data)s::jsonb)",
        event.model_dump() | {"data": event.data and orjson.dumps(event.data).decode()},
    )


async def test_a_replay_that_fails_keeps_the_letter(
    shop: Publisher, nats_url: str, nats: Client
) -> None:
    """Guards the letter: it goes when the event is handled, not before."""
    js = nats.jetstream()
    letters = await dead(shop, nats_url)

    def away(_: Envelope) -> None:
        raise Unavailable

    for handle, refusal in ((broken, HandlerFailed), (away, Unavailable)):
        async with clerk(nats_url, Seen(handle)):
            with pytest.raises(refusal):
                await replay_letter(RpcClient(nats), js, letters[0])
        assert await list_letters(js) == letters
    with pytest.raises(Unavailable):  # the service does not run
        await replay_letter(RpcClient(nats), js, letters[0], 0.5)
    assert await list_letters(js) == letters


async def test_a_refusal_or_an_erased_event_ends_a_letter(
    shop: Publisher, nats_url: str, nats: Client, log_pool: Pool
) -> None:
    """Guards answers: what the domain refuses, or what was erased meanwhile, is settled."""
    js = nats.jetstream()

    def refuse(_: Envelope) -> None:
        raise SessionNotFound

    [letter] = await dead(shop, nats_url)
    async with clerk(nats_url, Seen(refuse)):
        assert (await replay_letter(RpcClient(nats), js, letter)).outcome == "refused"
    assert await list_letters(js) == []
    event = await shop.publish()
    [letter] = await buried(shop, nats_url)
    await js.purge_stream("SHOP_EVENTS")
    await put_into(log_pool, event.model_copy(update={"data": None}))
    seen = Seen()
    async with clerk(nats_url, seen), answering(nats, "shop", log_pool):
        assert (await replay_letter(RpcClient(nats), js, letter)).outcome == "skipped"
    assert seen.ids == []
    assert await list_letters(js) == []


async def test_what_cannot_be_replayed_says_why(
    shop: Publisher, nats_url: str, nats: Client
) -> None:
    """Guards the operator's patience: unknown handlers, events that are gone, unreadable ones."""
    js = nats.jetstream()
    rpc = RpcClient(nats)
    await js.publish(f"shop.event.thing_sold.{new_id()}.x", b"not JSON")
    [unread] = await buried(shop, nats_url)
    assert unread.type is None
    async with clerk(nats_url, Seen()):
        with pytest.raises(HandlerFailed) as failed:
            await replay_letter(rpc, js, unread)
        assert failed.value.facts == {"error": "Unreadable"}
        await js.purge_stream("SHOP_EVENTS")
        with pytest.raises(EventGone):
            await replay_letter(rpc, js, unread)
        with pytest.raises(HandlerUnknown):
            await replay_letter(rpc, js, replace(unread, handler="nobody"))


async def test_a_dropped_letter_is_gone_and_a_newer_one_stays(
    shop: Publisher, nats_url: str, nats: Client
) -> None:
    """Guards the drop: of exactly the letter that the operator saw."""
    js = nats.jetstream()
    [old] = await dead(shop, nats_url)
    await js.publish(f"dead.clerk.count.{old.user_id}.{old.event_id}", _body(old))
    [newer] = await list_letters(js)
    assert not await drop_letter(js, old)
    assert await list_letters(js) == [newer]
    assert await drop_letter(js, newer)
    assert await list_letters(js) == []


def _body(letter: Letter) -> bytes:
    return orjson.dumps(
        {
            "owner": letter.owner,
            "stream": "SHOP_EVENTS",
            "stream_seq": letter.stream_seq,
            "type": letter.type,
            "error": letter.error,
            "deliveries": letter.deliveries,
        }
    )


async def test_the_permissions_are_enough(tmp_path: Path, unused_port: int, log_pool: Pool) -> None:
    """Guards the permission table: the operator lists, replays and drops; the service looks into
    the stream and asks the owner."""
    passwords = {role.service: "only-for-tests" for role in USERS}
    server = NatsServer(tmp_path / "nats", unused_port, passwords, USERS)
    with RunningNats(server, tmp_path / "log"):
        async with (
            connect(server.url("agent"), "agent") as agent,
            connect(server.url("chat"), "chat") as chat,
            connect(server.url(OPERATOR), "operator") as operator,
        ):
            await ensure_stream(agent.jetstream(), "agent", StreamLimits())
            publisher = Publisher(agent)
            publisher.owner = "agent"
            event = await publisher.publish(tag="agent_deleted.v1")
            js = operator.jetstream()
            mended: list[bool] = []

            def handle(_: Envelope) -> None:
                if not mended:
                    raise KeyError

            subscriptions = Subscriptions("chat", chat, lambda: None)
            subscriptions.on("agent", ["agent_deleted"], "delete_sessions", Seen(handle), QUICK)
            rpc_server = RpcServer(chat, "chat")
            await rpc_server.serve(ReplayLetter, subscriptions.replay)
            async with subscriptions:

                async def written() -> bool:
                    return len(await list_letters(js)) == 1

                await eventually(written)
                mended.append(True)
                [letter] = await list_letters(js)
                await agent.jetstream().purge_stream("AGENT_EVENTS")
                await put_into(log_pool, event)
                async with answering(agent, "agent", log_pool):
                    replayed = await replay_letter(RpcClient(operator), js, letter)
                assert replayed.outcome == "handled"
                assert await list_letters(js) == []
            await rpc_server.finish()
