"""The relay: how fast it drains a log that waits for it, and how soon an event is heard of."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from statistics import quantiles
from time import perf_counter

import nats
import orjson
from nats.aio.client import Client as Nats
from nats.aio.msg import Msg
from nats.js.api import DeliverPolicy

from benchmarks.client import Client
from benchmarks.turns import measure_turns
from lingxi_chassis.clock import utc_now
from lingxi_contracts.chat import OWNER
from lingxi_contracts.subjects import event_subjects, stream_name

BACKLOG_MESSAGES = 4_000
"""About five events for two of them."""
DRAIN_SECONDS_MAX = 120.0
POLL_SECONDS = 0.05
LAG_CLIENTS = (1, 16)
LAG_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Drained:
    """A prepared log, published after a start: from the first event seen to the last."""

    events: int
    seconds: float

    @property
    def events_per_second(self) -> float:
        """Of the relay, with all consumers attached."""
        return self.events / self.seconds if self.seconds else 0.0


@dataclass(frozen=True, slots=True)
class Lag:
    """From the decision that made an event (before its append) to a consumer that has it."""

    clients: int
    events: int
    p50_ms: float
    p99_ms: float


async def published(nats_url: str) -> int:
    """The last sequence of chat's stream."""
    async with _connected(nats_url) as client:
        return await _last_seq(client)


async def measure_drain(nats_url: str, published_before: int, waiting: int) -> Drained:
    """Watch a relay that just started until the `waiting` events are published."""
    async with asyncio.timeout(DRAIN_SECONDS_MAX), _connected(nats_url) as client:
        first = await _reached(client, published_before + 1)
        begun = perf_counter()
        last = await _reached(client, published_before + waiting)
        return Drained(last - first, perf_counter() - begun)


async def measure_lag(nats_url: str, clients: Sequence[Client]) -> Lag:
    """How late a consumer hears of what these clients cause."""
    late: list[float] = []

    async def heard(message: Msg) -> None:
        now = utc_now()
        late.append(
            (now - datetime.fromisoformat(orjson.loads(message.data)["time"])).total_seconds()
        )

    async with _connected(nats_url) as client:
        subscription = await client.jetstream().subscribe(
            event_subjects(OWNER),
            stream=stream_name(OWNER),
            ordered_consumer=True,
            deliver_policy=DeliverPolicy.NEW,
            cb=heard,
        )
        await measure_turns(clients, {}, LAG_SECONDS)
        await subscription.unsubscribe()
    cuts = quantiles(late, n=100)
    return Lag(len(clients), len(late), cuts[49] * 1000, cuts[98] * 1000)


@asynccontextmanager
async def _connected(nats_url: str) -> AsyncGenerator[Nats]:
    client = await nats.connect(nats_url)
    try:
        yield client
    finally:
        await client.close()


async def _last_seq(client: Nats) -> int:
    return (await client.jetstream().stream_info(stream_name(OWNER))).state.last_seq


async def _reached(client: Nats, seq: int) -> int:
    """The stream's last sequence, once it is at least this."""
    while True:
        last = await _last_seq(client)
        if last >= seq:
            return last
        await asyncio.sleep(POLL_SECONDS)
