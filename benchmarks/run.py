"""The whole run: one installation, started and stopped as the sections need it."""

import asyncio
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Literal
from uuid import UUID

from benchmarks import costs, loading
from benchmarks.by_clients import ByClients, measure_by_clients
from benchmarks.by_length import ROUNDS, ByLength, measure_by_length
from benchmarks.client import Client
from benchmarks.counting import Counted, counting
from benchmarks.feeds import Feeds, measure_feeds
from benchmarks.in_process import Places, running
from benchmarks.live import STREAMS, Live, measure_live
from benchmarks.machine import Machine, Memory, describe, fsync_ms, memory
from benchmarks.relaying import (
    BACKLOG_MESSAGES,
    LAG_CLIENTS,
    Drained,
    Lag,
    measure_drain,
    measure_lag,
    published,
)
from benchmarks.scripted_model import scripted_model
from benchmarks.turns import log_in, register, say, users
from lingxi_chassis.rebuild import Rebuilt
from lingxi_local.services import SERVICES, Service
from lingxi_local.system import LocalSystem

type Section = Literal["boot", "turns", "length", "costs", "relay", "feeds", "live"]
SECTIONS: tuple[Section, ...] = ("boot", "turns", "length", "costs", "relay", "feeds", "live")
IDLE_SECONDS = 3.0
OWNER_OF_ALL = "owner-of-long-sessions"


@dataclass(slots=True)
class Figures:
    """What was measured; of a section that was left out, nothing."""

    machine: Machine
    boot_seconds: dict[str, float] = field(default_factory=dict[str, float])
    idle_memory: dict[str, Memory] = field(default_factory=dict[str, Memory])
    by_clients: list[ByClients] = field(default_factory=list[ByClients])
    rebuilt: Rebuilt | None = None
    by_length: list[ByLength] = field(default_factory=list[ByLength])
    costs: dict[str, Counted] = field(default_factory=dict[str, Counted])
    drained: Drained | None = None
    lags: list[Lag] = field(default_factory=list[Lag])
    feeds: Feeds | None = None
    live: list[Live] = field(default_factory=list[Live])


class Installation:
    """A data directory, on which systems are started one after the other."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.log = io.StringIO()

    def system(self, services: Sequence[Service] = SERVICES, **env: str) -> LocalSystem:
        """As an operator would run it; without services, the servers and the model alone."""
        return LocalSystem(self._folder / "data", env=env, output=self.log, services=services)


async def measure(
    folder: Path, sections: Sequence[Section], clients: Sequence[int], lengths: Sequence[int]
) -> Figures:
    """Everything the sections need, in an order in which none disturbs another."""
    installation = Installation(folder)
    begun = perf_counter()
    async with installation.system() as system:
        first_start = perf_counter() - begun
        figures = Figures(await describe(system.servers, fsync_ms(folder)))
        owner = await _owner(system)
    sessions: dict[int, list[str]] = {}
    if {"length", "costs"} & set(sections):
        async with installation.system(()) as system:
            figures.rebuilt, sessions = await _load(system, owner, lengths)
    begun = perf_counter()
    async with installation.system() as system:
        if "boot" in sections:
            figures.boot_seconds = {"first": first_start, "second": perf_counter() - begun}
            await asyncio.sleep(IDLE_SECONDS)
            figures.idle_memory = memory(system.pids)
        if "turns" in sections:
            figures.by_clients = await measure_by_clients(system, clients)
        if "length" in sections:
            async with Client("127.0.0.1", system.port) as client:
                await log_in(client, OWNER_OF_ALL)
                figures.by_length = await measure_by_length(client, sessions)
    if "costs" in sections:
        async with installation.system(()) as system:
            long = {length: ids[-1] for length, ids in sessions.items() if length > min(lengths)}
            figures.costs = await _count(system, long)
    if "relay" in sections:
        await _relay(installation, owner, figures)
    if "feeds" in sections:
        async with installation.system() as system:
            figures.feeds = await measure_feeds(system)
    if "live" in sections:
        async with (
            scripted_model() as (model, url),
            installation.system(OPENAI_BASE_URL=url, MODEL_CONCURRENCY=str(max(STREAMS))) as system,
        ):
            figures.live = await measure_live(system, model)
    return figures


async def _owner(system: LocalSystem) -> loading.Wanted:
    async with Client("127.0.0.1", system.port) as client:
        await register(client, OWNER_OF_ALL)
        session_id, _ = await say(client, None)
        _, me = await client.request("GET", "/api/me/")
        _, session = await client.request("GET", f"/api/sessions/{session_id}/")
    return loading.Wanted(UUID(me["id"]), UUID(session["agent_configuration"]), 0)


async def _load(
    system: LocalSystem, owner: loading.Wanted, lengths: Sequence[int]
) -> tuple[Rebuilt, dict[int, list[str]]]:
    url = system.servers.database_urls["chat"]
    # The shortest grow the most by being talked in, so there is one for each round.
    counts = {length: ROUNDS if length == min(lengths) else 1 for length in lengths}
    wanted = [
        loading.Wanted(owner.user_id, owner.agent_id, length)
        for length, count in counts.items()
        for _ in range(count)
    ]
    loaded = iter(await loading.load_sessions(url, wanted))
    sessions = {
        length: [str(next(loaded)) for _ in range(count)] for length, count in counts.items()
    }
    return await loading.rebuild(url), sessions


async def _count(system: LocalSystem, sessions: dict[int, str]) -> dict[str, Counted]:
    servers = system.servers
    places = Places(
        servers.database_urls, servers.nats_urls, servers.nats_admin_url, system.model.env
    )
    port = int(system.simulator_url.rpartition(":")[2])
    async with Client("127.0.0.1", port) as simulator:
        await costs.only_one_bubble(simulator)
    async with (
        running(places) as port,
        counting(servers.nats_admin_url) as counter,
        Client("127.0.0.1", port) as client,
    ):
        await log_in(client, OWNER_OF_ALL)
        return dict(await costs.count_costs(counter, client, sessions))


async def _relay(installation: Installation, owner: loading.Wanted, figures: Figures) -> None:
    async with installation.system(()) as system:
        wanted = loading.Wanted(owner.user_id, owner.agent_id, BACKLOG_MESSAGES, True)
        before = await published(system.servers.nats_admin_url)
        await loading.load_sessions(system.servers.database_urls["chat"], [wanted])
    async with installation.system() as system:
        nats_url = system.servers.nats_admin_url
        figures.drained = await measure_drain(nats_url, before, loading.events_of(wanted))
        async with users(system, max(LAG_CLIENTS), "heard") as clients:
            figures.lags = [await measure_lag(nats_url, clients[:number]) for number in LAG_CLIENTS]
