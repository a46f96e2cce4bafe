"""Consumers on a real server: every event is handled, however often anything breaks in between."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.errors import NotFoundError
from pydantic import BaseModel

from lingxi_chassis.bus import connect
from lingxi_chassis.clock import monotonic, utc_now
from lingxi_chassis.consumers import HandlerLimits, Subscriptions
from lingxi_chassis.consumers.durable import Durable
from lingxi_chassis.context import current_metadata
from lingxi_chassis.ids import new_id
from lingxi_chassis.relay.stream import StreamLimits, ensure_stream
from lingxi_contracts.envelope import CONTENT_TYPE, Envelope
from lingxi_contracts.errors import SessionNotFound, Unavailable
from lingxi_contracts.subjects import DEAD_LETTERS_STREAM, event_subject
from lingxi_local.nats import ADMIN, NatsServer, RunningNats
from lingxi_local.permissions import ROLES
from tests.fixtures.waiting import eventually

QUICK = HandlerLimits(workers=4, ack_wait_seconds=1.0, handle_seconds_max=5.0)


class Seen:
    """A handler that notes what it is given; `then` runs first and may raise."""

    def __init__(self, then: Callable[[Envelope], Any] = lambda _: None) -> None:
        self.ids: list[UUID] = []
        self.at: list[float] = []
        self._then = then

    async def __call__(self, event: Envelope) -> None:
        self.ids.append(event.id)
        self.at.append(monotonic())
        result = self._then(event)
        if asyncio.iscoroutine(result):
            await result


class Publisher:
    """Owner `shop` with its stream, without a log."""

    def __init__(self, nats: Client) -> None:
        self.js: JetStreamContext = nats.jetstream()
        self.published: list[UUID] = []
        self.owner = "shop"

    async def open(self) -> None:
        await ensure_stream(self.js, "shop", StreamLimits())

    async def publish(self, count: int = 1, tag: str = "thing_sold.v1", **more: Any) -> Envelope:
        """Publish envelopes; the last one."""
        assert count >= 1
        events = [self._event({"type": tag} | more) for _ in range(count)]
        for event in events:
            self.published.append(event.id)
            await self.republish(event)
        return events[-1]

    def _event(self, more: dict[str, Any]) -> Envelope:
        head: dict[str, Any] = {
            "id": new_id(),
            "source": "/lingxi/shop",
            "subject": new_id(),
            "time": utc_now(),
            "userid": new_id(),
            "sequence": 1,
            "position": 1,
            "correlationid": "correlation",
            "data": {"name": "secret text"},
        }
        return Envelope.model_validate(head | more)

    async def republish(self, event: Envelope) -> None:
        subject = event_subject(self.owner, event.type, event.userid, event.subject)
        headers = {"content-type": CONTENT_TYPE}
        await self.js.publish(subject, event.model_dump_json().encode(), headers=headers)


@asynccontextmanager
async def replica(
    url: str, handle: Callable[[Envelope], Any], limits: HandlerLimits = QUICK
) -> AsyncGenerator[Subscriptions]:
    """One replica of a service that handles `thing_sold`."""
    died: list[str] = []
    async with connect(url, "clerk") as nats:
        subscriptions = Subscriptions("clerk", nats, lambda: died.append("dead"))
        subscriptions.on("shop", ["thing_sold"], "count", handle, limits)
        async with subscriptions:
            yield subscriptions
    assert died == []


@pytest.fixture
async def shop(nats_url: str) -> AsyncIterator[Publisher]:
    async with connect(nats_url, "shop") as nats:
        publisher = Publisher(nats)
        await publisher.open()
        yield publisher


async def pending(shop: Publisher) -> int:
    """Events that are not acknowledged."""
    info = await shop.js.consumer_info("SHOP_EVENTS", "clerk-count")
    return (info.num_pending or 0) + (info.num_ack_pending or 0)


async def settled(shop: Publisher) -> None:
    async def nothing_pending() -> bool:
        return await pending(shop) == 0

    await eventually(nothing_pending)


async def letters(shop: Publisher) -> list[tuple[str, dict[str, Any]]]:
    """Subject and body of every dead letter."""
    info = await shop.js.stream_info(DEAD_LETTERS_STREAM)
    found: list[tuple[str, dict[str, Any]]] = []
    for seq in range(1, info.state.last_seq + 1):
        message = await shop.js.get_msg(DEAD_LETTERS_STREAM, seq)
        assert message.data is not None
        found.append((message.subject or "", json.loads(message.data)))
    return found


async def test_events_are_handled_once_and_acknowledged(shop: Publisher, nats_url: str) -> None:
    """Guards the plain path: all events, nothing left pending, the cause and correlation known."""
    metadata: list[dict[str, str]] = []
    seen = Seen(lambda _: metadata.append(current_metadata()))
    await shop.publish(20)
    async with replica(nats_url, seen):
        await eventually(lambda: len(seen.ids) == 20)
        await settled(shop)
    assert sorted(seen.ids) == sorted(shop.published)
    assert {row["correlation_id"] for row in metadata} == {"correlation"}
    assert {row["causation_id"] for row in metadata} == {str(i) for i in shop.published}


async def test_one_event_alone_is_not_held_back(shop: Publisher, nats_url: str) -> None:
    """Guards latency: an event that finds the pull waiting is handled at once, not at its end."""
    seen = Seen()

    async def pulling() -> bool:
        try:
            info = await shop.js.consumer_info("SHOP_EVENTS", "clerk-count")
        except NotFoundError:
            return False
        return bool(info.num_waiting)

    async with replica(nats_url, seen):
        for number in range(3):
            await eventually(pulling)
            began = monotonic()
            await shop.publish()
            await eventually(lambda number=number: len(seen.ids) == number + 1)
            assert seen.at[number] - began < 0.5


async def test_a_crash_before_the_acknowledgement_delivers_again(
    shop: Publisher, nats_url: str
) -> None:
    """Guards explicit acks: an event whose process died while handling it comes again."""
    reached, release = asyncio.Event(), asyncio.Event()

    async def hang(_: Envelope) -> None:
        reached.set()
        await release.wait()

    async with connect(nats_url, "clerk") as dying:
        dead = Subscriptions("clerk", dying, lambda: None)
        dead.on("shop", ["thing_sold"], "count", hang, QUICK)
        await dead.__aenter__()
        event = await shop.publish()
        await reached.wait()
        await dying.close()  # a crash, as the server sees it: no nack comes any more
        seen = Seen()
        async with replica(nats_url, seen):
            await eventually(lambda: seen.ids == [event.id])
            await settled(shop)
        release.set()
        await dead.__aexit__(None, None, None)


async def test_a_part_that_is_away_is_waited_for_with_growing_pauses(
    shop: Publisher, nats_url: str
) -> None:
    """Guards the nack with delay: not at once, later each time, and in the end handled."""

    def away_at_first(_: Envelope) -> None:
        if len(seen.ids) < 4:
            raise Unavailable

    seen = Seen(away_at_first)
    await shop.publish()
    async with replica(nats_url, seen):
        await eventually(lambda: len(seen.ids) == 4)
        await settled(shop)
    pauses = [later - earlier for earlier, later in pairwise(seen.at)]
    assert pauses[0] >= 0.125
    assert pauses[1] >= 0.25
    assert pauses[2] >= 0.5
    assert await letters(shop) == []


async def test_a_long_outage_makes_no_dead_letter(
    shop: Publisher, nats_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards 'without end': more attempts than any bound on deliveries, and still handled."""
    monkeypatch.setattr("lingxi_chassis.consumers.handling.DELAY_SECONDS_MAX", 0.02)

    def away_for_long(_: Envelope) -> None:
        if len(seen.ids) < 40:
            raise Unavailable

    seen = Seen(away_for_long)
    await shop.publish()
    async with replica(nats_url, seen):
        await eventually(lambda: len(seen.ids) == 40)
        await settled(shop)
    assert await letters(shop) == []


async def test_a_refusal_is_an_answer(shop: Publisher, nats_url: str) -> None:
    """Guards late commands: a refused event is acknowledged, not tried again."""

    def refuse(_: Envelope) -> None:
        raise SessionNotFound

    seen = Seen(refuse)
    await shop.publish(3)
    async with replica(nats_url, seen):
        await eventually(lambda: len(seen.ids) == 3)
        await settled(shop)
    assert len(seen.ids) == 3
    assert await letters(shop) == []


async def test_erased_and_unknown_events_are_skipped(shop: Publisher, nats_url: str) -> None:
    """Guards erasure and growth: neither reaches the handler, neither stays pending."""
    seen = Seen()
    await shop.publish(data=None)
    await shop.publish(tag="thing_bought.v1")
    last = await shop.publish()
    async with replica(nats_url, seen):
        await eventually(lambda: len(seen.ids) == 1)
        await settled(shop)
    assert seen.ids == [last.id]


async def test_the_eighth_unexpected_exception_is_a_dead_letter(
    shop: Publisher, nats_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards the bound of retries, and that a letter holds a reference and no content."""
    monkeypatch.setattr("lingxi_chassis.consumers.handling.DELAY_SECONDS_MAX", 0.02)

    def fail(event: Envelope) -> None:
        raise KeyError(str(event.data))

    seen = Seen(fail)
    event = await shop.publish()
    async with replica(nats_url, seen):
        await eventually(lambda: len(seen.ids) == 8)
        await settled(shop)
    assert len(seen.ids) == 8
    [(subject, letter)] = await letters(shop)
    assert subject == f"dead.clerk.count.{event.userid}.{event.id}"
    assert letter == {
        "owner": "shop",
        "stream": "SHOP_EVENTS",
        "stream_seq": 1,
        "type": "thing_sold.v1",
        "error": "KeyError",
        "deliveries": 8,
    }


async def test_what_cannot_be_read_is_a_dead_letter_at_once(shop: Publisher, nats_url: str) -> None:
    """Guards permanent errors: no retry for what cannot become better."""
    user = new_id()
    await shop.js.publish(f"shop.event.thing_sold.{user}.x", b"not JSON")

    class Shape(BaseModel):
        price: int

    seen = Seen(lambda event: Shape.model_validate(event.data))
    unfit = await shop.publish()
    async with replica(nats_url, seen):
        await eventually(lambda: len(seen.ids) == 1)
        await settled(shop)
    assert seen.ids == [unfit.id]
    by_error = {letter["error"]: (subject, letter) for subject, letter in await letters(shop)}
    assert by_error.keys() == {"Unreadable", "ValidationError"}
    assert by_error["Unreadable"][0].startswith(f"dead.clerk.count.{user}.")
    assert by_error["Unreadable"][1]["type"] is None
    assert by_error["ValidationError"][1]["deliveries"] == 1


async def test_an_event_that_kills_the_process_is_not_handled_for_ever(
    shop: Publisher, nats_url: str
) -> None:
    """Guards the 20th delivery: it is a dead letter before anything handles it."""
    event = await shop.publish()
    durable = Durable("clerk", "shop", ["thing_sold"], "count", QUICK)
    await durable.ensure(shop.js)
    pull = await shop.js.pull_subscribe_bind(durable=durable.name, stream=durable.stream)
    for _ in range(19):  # as processes that die do: fetched, never acknowledged
        [message] = await pull.fetch(1, timeout=5)
        await message.nak()
    await pull.unsubscribe()
    seen = Seen()
    async with replica(nats_url, seen):
        await settled(shop)
    assert seen.ids == []
    [(subject, letter)] = await letters(shop)
    assert subject == f"dead.clerk.count.{event.userid}.{event.id}"
    assert (letter["error"], letter["deliveries"]) == ("TooManyDeliveries", 20)


async def test_dead_letters_stream_is_made_again_when_it_is_needed(
    shop: Publisher, nats_url: str
) -> None:
    """Guards the reference: an event is not terminated before its letter is stored."""
    seen = Seen()
    async with replica(nats_url, seen):
        await shop.js.delete_stream(DEAD_LETTERS_STREAM)
        await shop.js.publish(f"shop.event.thing_sold.{new_id()}.x", b"not JSON")

        async def stored() -> bool:
            try:
                return len(await letters(shop)) == 1
            except NotFoundError:
                return False

        await eventually(stored)
        await settled(shop)


async def test_a_missing_stream_is_waited_for(nats_url: str) -> None:
    """Guards the start: services start in any order, and waiting is not being ill."""
    seen = Seen()
    async with connect(nats_url, "shop") as nats, replica(nats_url, seen) as subscriptions:
        assert await subscriptions.trouble() is None
        shop = Publisher(nats)
        await shop.open()
        event = await shop.publish()
        await eventually(lambda: seen.ids == [event.id])


async def test_a_recreated_stream_is_consumed_from_its_start(
    shop: Publisher, nats_url: str
) -> None:
    """Guards durables that vanish with the store: the refilled stream is heard again, soon."""
    seen = Seen()
    async with replica(nats_url, seen):
        first = await shop.publish()
        await eventually(lambda: seen.ids == [first.id])
        await shop.js.delete_stream("SHOP_EVENTS")
        await shop.open()
        await shop.republish(first)
        second = await shop.publish()
        await eventually(lambda: set(seen.ids[1:]) == {first.id, second.id})
        await settled(shop)


async def test_a_deleted_consumer_is_seen_by_health_and_made_again(
    shop: Publisher, nats_url: str
) -> None:
    """Guards readiness: a fetch on a vanished consumer fails silently for ever."""
    seen = Seen()
    async with replica(nats_url, seen) as subscriptions:
        await shop.publish()
        await eventually(lambda: len(seen.ids) == 1)
        await shop.js.delete_consumer("SHOP_EVENTS", "clerk-count")
        assert await subscriptions.trouble() == "clerk-count does not exist"

        async def healthy() -> bool:
            return await subscriptions.trouble() is None

        await eventually(healthy)


async def test_an_older_configuration_is_brought_up_to_date(shop: Publisher, nats_url: str) -> None:
    """Guards create-or-update: neither library changes a durable that exists."""
    async with replica(nats_url, Seen(), HandlerLimits(ack_wait_seconds=11)):
        await eventually(lambda: True)
    async with replica(nats_url, Seen(), HandlerLimits(ack_wait_seconds=12, ack_pending_max=7)):

        async def updated() -> bool:
            config = (await shop.js.consumer_info("SHOP_EVENTS", "clerk-count")).config
            return (config.ack_wait, config.max_ack_pending) == (12, 7)

        await eventually(updated)
    config = (await shop.js.consumer_info("SHOP_EVENTS", "clerk-count")).config
    assert config.filter_subjects == ["shop.event.thing_sold.>"]
    assert config.max_deliver == -1


async def test_a_killed_server_is_outlived(nats_server: RunningNats) -> None:
    """Guards reconnecting: after kill -9 and restart nothing is missing."""
    url = nats_server.server.url(ADMIN)
    seen = Seen()
    async with connect(url, "shop") as nats, replica(url, seen):
        shop = Publisher(nats)
        await shop.open()
        for kills in range(1, 4):
            await shop.publish(5)
            await eventually(lambda: set(seen.ids) >= set(shop.published))
            nats_server.kill()
            nats_server.start()
            await eventually(lambda kills=kills: nats.stats["reconnects"] == kills)
        await shop.publish(5)
        await eventually(lambda: set(seen.ids) >= set(shop.published), 20)


async def test_the_permissions_of_a_service_are_enough(tmp_path: Path, unused_port: int) -> None:
    """Guards the permission table: what a consumer needs, and its dead letters, are allowed."""
    passwords = {role.service: "only-for-tests" for role in ROLES}
    server = NatsServer(tmp_path / "nats", unused_port, passwords)
    seen = Seen()
    with RunningNats(server, tmp_path / "log"):
        async with (
            connect(server.url("agent"), "agent") as agent,
            connect(server.url("chat"), "chat") as chat,
        ):
            await ensure_stream(agent.jetstream(), "agent", StreamLimits())
            subscriptions = Subscriptions("chat", chat, lambda: None)
            subscriptions.on("agent", ["agent_deleted"], "delete_sessions", seen)
            async with subscriptions:
                publisher = Publisher(agent)
                publisher.owner = "agent"
                event = await publisher.publish(tag="agent_deleted.v1")
                await agent.jetstream().publish(f"agent.event.agent_deleted.{new_id()}.x", b"?")
                await eventually(lambda: seen.ids == [event.id])
                js = chat.jetstream()

                async def buried() -> bool:
                    return (await js.stream_info(DEAD_LETTERS_STREAM)).state.messages == 1

                await eventually(buried)
                assert await subscriptions.trouble() is None


async def test_a_shutdown_gives_back_what_it_did_not_handle(shop: Publisher, nats_url: str) -> None:
    """Guards prefetched messages: another replica gets them now, not after the ack wait."""
    slow = HandlerLimits(workers=2, ack_wait_seconds=60)
    release = asyncio.Event()
    first = Seen(lambda _: release.wait())
    await shop.publish(10)
    async with replica(nats_url, first, slow):
        await eventually(lambda: len(first.ids) == 2)

        async def fetched_ahead() -> bool:
            info = await shop.js.consumer_info("SHOP_EVENTS", "clerk-count")
            return (info.num_ack_pending or 0) > 2

        await eventually(fetched_ahead)
        asyncio.get_running_loop().call_later(0.2, release.set)
    second = Seen()
    async with replica(nats_url, second, slow):
        await eventually(lambda: len(second.ids) == 8)
        await settled(shop)
    assert sorted(first.ids + second.ids) == sorted(shop.published)


async def test_two_replicas_share_one_durable(shop: Publisher, nats_url: str) -> None:
    """Guards scaling out: each event goes to one of them."""
    one, two = Seen(), Seen()
    async with replica(nats_url, one), replica(nats_url, two):
        await shop.publish(200)
        await eventually(lambda: len(one.ids) + len(two.ids) >= 200)
        await settled(shop)
    assert sorted(one.ids + two.ids) == sorted(shop.published)
    assert one.ids
    assert two.ids


async def test_long_work_is_not_handed_to_another(shop: Publisher, nats_url: str) -> None:
    """Guards in-progress signals: longer than the ack wait, and still one delivery."""
    limits = HandlerLimits(ack_wait_seconds=0.6)
    release = asyncio.Event()
    seen = Seen(lambda _: release.wait())
    await shop.publish()
    async with replica(nats_url, seen, limits):
        await eventually(lambda: len(seen.ids) == 1)
        asyncio.get_running_loop().call_later(1.5, release.set)
        await settled(shop)
    assert len(seen.ids) == 1


async def test_a_handler_that_hangs_is_cut_off(shop: Publisher, nats_url: str) -> None:
    """Guards the bound of one handling: it counts as a part that is away."""

    async def hang_once(_: Envelope) -> None:
        if len(seen.ids) == 1:
            await asyncio.Event().wait()

    seen = Seen(hang_once)
    await shop.publish()
    async with replica(nats_url, seen, HandlerLimits(handle_seconds_max=0.2)):
        await eventually(lambda: len(seen.ids) == 2)
        await settled(shop)
