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
from lingxi_local.system import LocalSystem

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
    database_url: str, nats_url: str, model_url: str, clients: int, seconds: float
) -> Floor:
    """So many at once for so long, after a warm-up; leaves nothing behind."""
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

        async def turn() -> float:
            begun = perf_counter()
            await save(TEXT)
            completion = await model.complete(ChatRequest([ChatMessage("user", TEXT)]))
            await save(completion.text)
            return perf_counter() - begun

        async def talk(until: float) -> list[float]:
            took: list[float] = []
            while perf_counter() < until:
                took.append(await turn())
            return took

        for _ in range(WARM_UP_TURNS):
            await turn()
        begun = perf_counter()
        talks = await asyncio.gather(*(talk(begun + seconds) for _ in range(clients)))
        elapsed = perf_counter() - begun
        await execute(pool, "drop table floor", {})
    await js.delete_stream(STREAM)
    await model.close()
    await client.close()
    took = [one for talk in talks for one in talk]
    return Floor(clients, len(took), len(took) / elapsed, quantiles(took)[1] * 1000)


async def measure_floor_apart(system: LocalSystem, clients: int, seconds: float) -> Floor:
    """The floor in a process of its own, on the servers and the model of a running system."""
    servers = system.servers
    urls = [
        servers.database_server_url,
        servers.nats_admin_url,
        system.model.env["OPENAI_BASE_URL"],
    ]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "benchmarks.floor", str(clients), str(seconds)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    # Credentials are in the URLs, and a command line is for all to see.
    out, _ = await process.communicate("\n".join(urls).encode())
    if process.returncode != 0:
        raise RuntimeError(f"the floor ended with exit code {process.returncode}")
    return Floor(**json.loads(out))


def main() -> None:
    """`python -m benchmarks.floor <clients> <seconds>`, three URLs on stdin: figures as JSON."""
    clients, seconds = sys.argv[1:]
    database_url, nats_url, model_url = sys.stdin.read().split()
    measured = uvloop.run(
        measure_floor(database_url, nats_url, model_url, int(clients), float(seconds))
    )
    print(json.dumps(asdict(measured)))


if __name__ == "__main__":
    main()
