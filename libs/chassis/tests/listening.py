"""What a stream holds, compared with the log it comes from."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

import psycopg
from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.js.api import AckPolicy, ConsumerConfig

from libs.chassis.tests.shelf import OWNER
from lingxi_chassis.bus import Link
from lingxi_chassis.relay import Relay, StreamLimits
from lingxi_chassis.tasks import in_background
from lingxi_contracts.envelope import Envelope
from lingxi_contracts.subjects import stream_name
from tests.fixtures.waiting import eventually

STREAM = stream_name(OWNER)


@asynccontextmanager
async def relaying(
    log_url: str, nats: Client, limits: StreamLimits | None = None, link: Link | None = None
) -> AsyncGenerator[Relay]:
    """A relay that must not die while the context is open."""
    died: list[str] = []
    relay = Relay(OWNER, log_url, nats, limits, link)
    async with in_background(relay.run(), "relay", lambda: died.append("relay")):
        yield relay
    assert died == []


async def published(nats: Client) -> list[Envelope]:
    """All of the stream, in its order."""
    js = nats.jetstream()
    messages = (await js.stream_info(STREAM)).state.messages
    config = ConsumerConfig(ack_policy=AckPolicy.NONE)
    reader = await js.subscribe(f"{OWNER}.event.>", stream=STREAM, config=config)
    try:
        return [
            Envelope.model_validate_json((await reader.next_msg(5)).data) for _ in range(messages)
        ]
    finally:
        await reader.unsubscribe()


async def logged(log_url: str) -> list[str]:
    """Event ids in the order of publication."""
    async with await psycopg.AsyncConnection.connect(log_url) as connection:
        cursor = await connection.execute(
            "select event_id::text from events order by xid, position"
        )
        return [row[0] for row in await cursor.fetchall()]


async def holds_the_log(nats: Client, log_url: str, seconds_max: float = 20) -> None:
    """Wait until the stream's events are those of the log, one by one."""
    ids = await logged(log_url)
    found: list[str] = []

    async def complete() -> bool:
        nonlocal found
        try:
            state = (await nats.jetstream().stream_info(STREAM)).state
            if state.messages == len(ids):
                found = [str(event.id) for event in await published(nats)]
        except NatsError:  # the stream or the server may be away for a moment
            return False
        return found == ids

    with suppress(TimeoutError):
        await eventually(complete, seconds_max)
    assert found == ids


def in_version_order(events: list[Envelope]) -> bool:
    """Each stream's versions are 1, 2, 3, … in the order they stand."""
    last: dict[object, int] = {}
    for event in events:
        if event.sequence != last.get(event.subject, 0) + 1:
            return False
        last[event.subject] = event.sequence
    return True
