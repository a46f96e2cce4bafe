"""Talking: users who post as soon as the answer is there, and what their turns took.

Each user has one connection, and one session a run.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from statistics import quantiles
from time import perf_counter

from benchmarks.client import Client
from benchmarks.machine import cpu_seconds
from lingxi_local.system import LocalSystem

WARM_UP_TURNS = 3
PASSWORD = "only for the benchmark"
TEXT = "I went for a walk along the river today, and the light was wonderful."


@dataclass(frozen=True, slots=True)
class Measured:
    """One run. Milliseconds are of `POST /api/chat/`, from the first byte out to the last in."""

    clients: int
    turns: int
    errors: int
    turns_per_second: float
    p50_ms: float
    p99_ms: float
    cpu_ms_per_turn: Mapping[str, float]


async def register(client: Client, name: str) -> None:
    """Make an account and log the client in."""
    account = {"username": name, "password": PASSWORD}
    await client.request("POST", "/api/auth/register/", account)
    await log_in(client, name)


async def log_in(client: Client, name: str) -> None:
    """Log the client in; raises RuntimeError if that is refused."""
    account = {"username": name, "password": PASSWORD}
    status, tokens = await client.request("POST", "/api/auth/login/", account)
    if status != 200:
        raise RuntimeError(f"login answered {status}: {tokens}")
    client.token = tokens["access"]


@asynccontextmanager
async def users(system: LocalSystem, count: int, prefix: str) -> AsyncGenerator[list[Client]]:
    """So many new users, connected and logged in."""
    async with AsyncExitStack() as stack:
        clients = [
            await stack.enter_async_context(Client("127.0.0.1", system.port)) for _ in range(count)
        ]
        for number, client in enumerate(clients):
            await register(client, f"{prefix}-{number}")
        yield clients


async def say(client: Client, session_id: str | None) -> tuple[str | None, float]:
    """One turn: its session, None if it was not answered, and the seconds it took."""
    said = {"message": TEXT} | ({"session_id": session_id} if session_id else {})
    begun = perf_counter()
    status, answer = await client.request("POST", "/api/chat/", said)
    seconds = perf_counter() - begun
    return (answer["session_id"] if status == 200 else None), seconds


async def measure_turns(
    clients: Sequence[Client], pids: Mapping[str, int], seconds: float
) -> Measured:
    """All clients talk at once for so long, each in a new session, after a warm-up."""
    sessions = await asyncio.gather(*(_warmed_up(client) for client in clients))
    cpu_before = cpu_seconds(pids)
    begun = perf_counter()
    talks = await asyncio.gather(
        *(
            _talk(client, session, begun + seconds)
            for client, session in zip(clients, sessions, strict=True)
        )
    )
    elapsed = perf_counter() - begun
    cpu_after = cpu_seconds(pids)
    took = [one for talk, _ in talks for one in talk]
    cuts = quantiles(took, n=100)
    return Measured(
        clients=len(clients),
        turns=len(took),
        errors=sum(errors for _, errors in talks),
        turns_per_second=len(took) / elapsed,
        p50_ms=cuts[49] * 1000,
        p99_ms=cuts[98] * 1000,
        cpu_ms_per_turn={
            name: (cpu_after[name] - before) / len(took) * 1000
            for name, before in cpu_before.items()
        },
    )


async def _warmed_up(client: Client) -> str:
    session_id = None
    for _ in range(WARM_UP_TURNS):
        session_id, _ = await say(client, session_id)
    if session_id is None:
        raise RuntimeError("a turn was not answered")
    return session_id


async def _talk(client: Client, session_id: str, until: float) -> tuple[list[float], int]:
    seconds: list[float] = []
    errors = 0
    while perf_counter() < until:
        answered, took = await say(client, session_id)
        seconds.append(took)
        errors += answered is None
    return seconds, errors
