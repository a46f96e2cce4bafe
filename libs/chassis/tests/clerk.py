"""A service `clerk` that handles the events of `shop`, which publishes without a log."""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

from nats.aio.client import Client
from nats.js import JetStreamContext

from lingxi_chassis.bus import connect
from lingxi_chassis.clock import monotonic, utc_now
from lingxi_chassis.consumers import HandlerLimits, Subscriptions
from lingxi_chassis.ids import new_id
from lingxi_chassis.relay.stream import StreamLimits, ensure_stream
from lingxi_contracts.envelope import CONTENT_TYPE, Envelope
from lingxi_contracts.subjects import DEAD_LETTERS_STREAM, event_subject
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
