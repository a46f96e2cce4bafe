"""Many idle feeds on one gateway: memory of each, what they cost idle, and an event to one user."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from statistics import quantiles
from time import perf_counter

from benchmarks.client import Client
from benchmarks.machine import cpu_seconds, memory
from benchmarks.turns import register, say
from lingxi_local.system import LocalSystem

FEEDS = 2_000
FEEDS_PER_USER = 50
"""As many as a gateway lets one user have; registering 2,000 people would take minutes."""
EVENTS = 300
IDLE_SECONDS = 10.0
OPEN_SECONDS_MAX = 60.0
AT_ONCE = 50


@dataclass(frozen=True, slots=True)
class Feeds:
    """Figures of a gateway with so many idle feeds, and of one without (`alone`).

    Milliseconds are from the request that renames a session to the frame at its user's one feed;
    CPU is the gateway's, of the request and the frame together.
    """

    feeds: int
    kib_per_feed: float
    idle_cpu_percent: float
    p50_ms: float
    p99_ms: float
    cpu_ms_per_event: float
    alone_p50_ms: float
    alone_cpu_ms_per_event: float


@dataclass(frozen=True, slots=True)
class _Events:
    p50_ms: float
    p99_ms: float
    cpu_ms: float


type Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def measure_feeds(system: LocalSystem, feeds: int = FEEDS) -> Feeds:
    """Open them, measure, close them. Needs twice as many file descriptors, and some."""
    async with Client("127.0.0.1", system.port) as client, _opened(system.port, client) as feed:
        await register(client, "feeds-one")
        session_id, _ = await say(client, None)
        path = f"/api/sessions/{session_id}/"
        reader = await feed()
        alone = await _events(system, client, path, reader, "alone")
        before = memory(system.pids)["gateway"]
        for number in range((feeds + FEEDS_PER_USER - 1) // FEEDS_PER_USER):
            async with Client("127.0.0.1", system.port) as other:
                await register(other, f"feeds-{number}")
                async with asyncio.timeout(OPEN_SECONDS_MAX):
                    await asyncio.gather(*(feed(other.token) for _ in range(FEEDS_PER_USER)))
        cpu, begun = cpu_seconds(system.pids), perf_counter()
        await asyncio.sleep(IDLE_SECONDS)
        idle = (cpu_seconds(system.pids)["gateway"] - cpu["gateway"]) / (perf_counter() - begun)
        after = memory(system.pids)["gateway"]
        among = await _events(system, client, path, reader, "among")
    return Feeds(
        feeds=feeds,
        kib_per_feed=(after.pss_mib - before.pss_mib) * 1024 / feeds,
        idle_cpu_percent=idle * 100,
        p50_ms=among.p50_ms,
        p99_ms=among.p99_ms,
        cpu_ms_per_event=among.cpu_ms,
        alone_p50_ms=alone.p50_ms,
        alone_cpu_ms_per_event=alone.cpu_ms,
    )


class _Opener:
    """Opens feeds and remembers them."""

    def __init__(self, port: int, client: Client) -> None:
        self._port = port
        self._client = client
        self._gate = asyncio.Semaphore(AT_ONCE)
        self.connections: list[Connection] = []

    async def __call__(self, token: str | None = None) -> asyncio.StreamReader:
        """A feed of the token's user, from its `ready` on."""
        async with self._gate:
            reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
            self.connections.append((reader, writer))
            head = f"GET /api/events/ HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\n"
            token = token or self._client.token
            writer.write(f"{head}Authorization: Bearer {token}\r\n\r\n".encode())
            await reader.readuntil(b"event: ready")
            await reader.readuntil(b"\n\n")
            return reader


@asynccontextmanager
async def _opened(port: int, client: Client) -> AsyncGenerator[_Opener]:
    opener = _Opener(port, client)
    try:
        yield opener
    finally:
        for _, writer in opener.connections:
            writer.transport.abort()


async def _events(
    system: LocalSystem, client: Client, path: str, reader: asyncio.StreamReader, name: str
) -> _Events:
    """Rename a session again and again, by a name of this round's, and wait for the frame."""
    took: list[float] = []
    cpu = cpu_seconds(system.pids)["gateway"]
    for number in range(EVENTS):
        title, begun = f"{name} {number}", perf_counter()
        status, _ = await client.request("PATCH", path, {"title": title})
        assert status == 200, status
        await reader.readuntil(f'"title":"{title}"'.encode())
        took.append(perf_counter() - begun)
    used = cpu_seconds(system.pids)["gateway"] - cpu
    cuts = quantiles(took, n=100)
    return _Events(cuts[49] * 1000, cuts[98] * 1000, used * 1000 / EVENTS)
