"""Consumers on a real server: nothing is missed, whatever breaks or is restarted meanwhile."""

import asyncio
from contextlib import suppress
from pathlib import Path

from nats.js import JetStreamContext
from nats.js.errors import APIError, NotFoundError
from structlog.testing import capture_logs

from libs.chassis.tests.clerk import QUICK, Publisher, Seen, letters, replica, settled
from lingxi_chassis.bus import connect
from lingxi_chassis.consumers import HandlerLimits, Subscriptions
from lingxi_chassis.consumers.dead_letters import ensure_dead_letters
from lingxi_chassis.ids import new_id
from lingxi_chassis.relay.stream import StreamLimits, ensure_stream
from lingxi_contracts.envelope import Envelope
from lingxi_contracts.subjects import DEAD_LETTERS_STREAM
from lingxi_local.nats import NatsServer, RunningNats
from lingxi_local.nats_configuration import ADMIN
from lingxi_local.permissions import ROLES
from tests.fixtures.waiting import eventually


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


async def test_dead_letters_stream_is_made_again_when_it_is_needed(
    shop: Publisher, nats_url: str
) -> None:
    """Guards the reference: an event is not terminated before its letter is stored. Until then it
    is an outage like any other."""
    seen = Seen()
    with capture_logs() as logs:
        await _buried_without_a_stream(shop, nats_url, seen)
    told = {line["event"]: line["log_level"] for line in logs}
    assert (told["dead_letter_not_stored"], told["event_dead"]) == ("warning", "error")


async def _buried_without_a_stream(shop: Publisher, nats_url: str, seen: Seen) -> None:
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


async def _ask_for_three(js: JetStreamContext) -> bool:
    """Whether the server has heard of it. To a change, one of release 2.12 does not say no."""
    try:
        await ensure_dead_letters(js, 3)
    except APIError as error:
        return "replicas > 1 not supported" in str(error)
    return (await js.stream_info(DEAD_LETTERS_STREAM)).config.num_replicas == 3


async def test_dead_letters_are_on_as_many_servers_as_all_else(
    shop: Publisher, nats_url: str
) -> None:
    """Guards the letters when one server of three dies. The server here is alone, and says so."""
    with suppress(NotFoundError):
        await shop.js.delete_stream(DEAD_LETTERS_STREAM)
    assert await _ask_for_three(shop.js)  # made with them
    await ensure_dead_letters(shop.js)
    assert await _ask_for_three(shop.js)  # or changed to them
    await shop.js.delete_stream(DEAD_LETTERS_STREAM)
    async with connect(nats_url, "clerk") as nats:
        subscriptions = Subscriptions("clerk", nats, lambda: None, 3)
        with capture_logs() as logs:
            async with subscriptions:
                pass
    (away,) = [line for line in logs if line["event"] == "dead_letters_away"]
    assert "replicas > 1" in away["error"]


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

    async def is_configured(limits: HandlerLimits) -> bool:
        try:
            config = (await shop.js.consumer_info("SHOP_EVENTS", "clerk-count")).config
        except NotFoundError:
            return False
        told = (config.ack_wait, config.max_ack_pending)
        return told == (limits.ack_wait_seconds, limits.ack_pending_max)

    older = HandlerLimits(ack_wait_seconds=11)
    newer = HandlerLimits(ack_wait_seconds=12, ack_pending_max=7)
    for limits in (older, newer):
        async with replica(nats_url, Seen(), limits):
            await eventually(lambda limits=limits: is_configured(limits))
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
        await eventually(lambda: set(seen.ids) >= set(shop.published))


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
    limits = HandlerLimits(ack_wait_seconds=2.0)
    release = asyncio.Event()
    seen = Seen(lambda _: release.wait())
    await shop.publish()
    async with replica(nats_url, seen, limits):
        await eventually(lambda: len(seen.ids) == 1)
        asyncio.get_running_loop().call_later(4.0, release.set)
        await settled(shop)
    assert len(seen.ids) == 1
