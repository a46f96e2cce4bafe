"""Turns a second and their latency, by number of clients: saved turns, instant model.

Each client is a user with one session who posts as soon as the answer is there.
"""

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from statistics import quantiles
from time import perf_counter

from benchmarks.client import Client
from benchmarks.machine import cpu_seconds
from lingxi_local.system import LocalSystem

WARM_UP_TURNS = 30
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


async def _user(client: Client, name: str) -> None:
    account = {"username": name, "password": PASSWORD}
    await client.request("POST", "/api/auth/register/", account)
    status, tokens = await client.request("POST", "/api/auth/login/", account)
    if status != 200:
        raise RuntimeError(f"login answered {status}: {tokens}")
    client.token = tokens["access"]


async def _talk(client: Client, session_id: str | None, turns: int) -> tuple[list[float], str, int]:
    seconds: list[float] = []
    errors = 0
    for _ in range(turns):
        said = {"message": TEXT} | ({"session_id": session_id} if session_id else {})
        begun = perf_counter()
        status, answer = await client.request("POST", "/api/chat/", said)
        seconds.append(perf_counter() - begun)
        if status == 200:
            session_id = answer["session_id"]
        else:
            errors += 1
    assert session_id is not None, "no turn was answered"
    return seconds, session_id, errors


async def measure_turns(system: LocalSystem, clients: int, turns: int) -> Measured:
    """`turns` in all, by so many clients at once, after a warm-up."""
    async with AsyncExitStack() as stack:
        connections = [
            await stack.enter_async_context(Client("127.0.0.1", system.port))
            for _ in range(clients)
        ]
        for number, client in enumerate(connections):
            await _user(client, f"bench-{clients}-{number}")
        warm = [_talk(client, None, max(2, WARM_UP_TURNS // clients)) for client in connections]
        sessions = [session for _, session, _ in await asyncio.gather(*warm)]
        cpu_before = cpu_seconds(system.pids)
        begun = perf_counter()
        talks = await asyncio.gather(
            *(
                _talk(client, session, turns // clients)
                for client, session in zip(connections, sessions, strict=True)
            )
        )
        elapsed = perf_counter() - begun
        cpu_after = cpu_seconds(system.pids)
    seconds = [second for talk, _, _ in talks for second in talk]
    cuts = quantiles(seconds, n=100)
    return Measured(
        clients=clients,
        turns=len(seconds),
        errors=sum(errors for _, _, errors in talks),
        turns_per_second=len(seconds) / elapsed,
        p50_ms=cuts[49] * 1000,
        p99_ms=cuts[98] * 1000,
        cpu_ms_per_turn={
            name: (cpu_after[name] - before) / len(seconds) * 1000
            for name, before in cpu_before.items()
        },
    )
