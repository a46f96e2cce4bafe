"""The floor: a bare process that does only what every saved turn must do.

Two commits, two publishes that JetStream acknowledged, one model call. No HTTP, no events, no
order, no recovery: what our own figures are compared with, in the same run on the same machine.
"""

import asyncio
import json
import sys
from dataclasses import asdict, dataclass
from statistics import quantiles
from time import perf_counter

import nats
import uvloop
from nats.js.api import StorageType

from lingxi_chassis.ids import new_id
from lingxi_chassis.model.client import ModelClient
from lingxi_chassis.model.messages import ChatMessage, ChatRequest
from lingxi_chassis.postgres import execute, open_pool

STREAM = "FLOOR"
TEXT = "I went for a walk along the river today, and the light was wonderful."
WARM_UP_TURNS = 20


@dataclass(frozen=True, slots=True)
class Floor:
    """One run of the bare process."""

    clients: int
    turns: int
    turns_per_second: float
    p50_ms: float


async def measure_floor(
    database_url: str, nats_url: str, model_url: str, clients: int, turns: int
) -> Floor:
    """`turns` in all, by so many at once; leaves nothing behind."""
    client = await nats.connect(nats_url)
    js = client.jetstream()
    model = ModelClient(model_url, "none", "simulated", concurrency=clients)
    await js.add_stream(name=STREAM, subjects=["floor.>"], storage=StorageType.FILE)
    async with open_pool(database_url) as pool:
        await execute(pool, "create table floor (id uuid primary key, text text)", {})

        async def save(text: str) -> None:
            sql = "insert into floor values (%(id)s, %(text)s)"
            await execute(pool, sql, {"id": new_id(), "text": text})
            await js.publish("floor.saved", text.encode())

        async def talk(count: int) -> list[float]:
            seconds: list[float] = []
            for _ in range(count):
                begun = perf_counter()
                await save(TEXT)
                completion = await model.complete(ChatRequest([ChatMessage("user", TEXT)]))
                await save(completion.text)
                seconds.append(perf_counter() - begun)
            return seconds

        await talk(WARM_UP_TURNS)
        begun = perf_counter()
        talks = await asyncio.gather(*(talk(turns // clients) for _ in range(clients)))
        elapsed = perf_counter() - begun
        await execute(pool, "drop table floor", {})
    await js.delete_stream(STREAM)
    await model.close()
    await client.close()
    seconds = [second for one in talks for second in one]
    return Floor(clients, len(seconds), len(seconds) / elapsed, quantiles(seconds)[1] * 1000)


def main() -> None:
    """`python -m benchmarks.floor <database> <nats> <model> <clients> <turns>`: figures as JSON."""
    database_url, nats_url, model_url, clients, turns = sys.argv[1:]
    measured = uvloop.run(
        measure_floor(database_url, nats_url, model_url, int(clients), int(turns))
    )
    print(json.dumps(asdict(measured)))


if __name__ == "__main__":
    main()
