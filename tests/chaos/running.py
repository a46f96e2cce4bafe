"""All of Lingxi with servers of its own behind proxies, so that links can be cut as well."""

import asyncio
import os
import random
import shutil
import signal
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path

import httpx

from lingxi_local.ports import unused_port
from lingxi_local.postgres import PostgresServer, RunningPostgres
from lingxi_local.system import LocalSystem
from tests.chaos.faults import Fault
from tests.fixtures.proxy import Proxy, proxy_to
from tests.fixtures.servers import PASSWORD, RunningNats, start_nats

DELAY_SECONDS = (0.02, 0.3)
"""Of each piece that either side of a slow link says: the least and the most."""
SETTINGS = {
    "REPLY_WAIT_SECONDS": "5",
    "TURN_DEADLINE_SECONDS": "20",
    # A silence of half a second is five minutes: agents write first all the while.
    "LINGXI_TIME_SCALE": "600",
    "LINGXI_SUMMARY_SETTLE_MS": "500",
}
MODEL_FAULTS = {
    "status 500": {"do": "status", "status": 500},
    "status 429": {"do": "status", "status": 429},
    "empty": {"do": "empty"},
    "hang": {"do": "hang", "seconds": 2},
    "cut": {"do": "cut", "after_chunks": 2},
}


@dataclass
class Running:
    """A running system and what can be done to it."""

    system: LocalSystem
    postgres: RunningPostgres
    nats: RunningNats
    links: dict[str, Proxy]
    output: StringIO
    server: PostgresServer
    log_file: Path

    servers_starting: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held while NATS or Postgres is killed and started: a plan's faults may overlap."""

    async def suffer(self, fault: Fault) -> None:
        """Have one fault, and its end."""
        match fault.kind:
            case "kill":
                await self._kill(fault.victim, fault.seconds)
            case "pause":
                with _paused(self._pid(fault.victim)):
                    await asyncio.sleep(fault.seconds)
            case "cut":
                self.links[fault.victim].cut()
            case "delay":
                link = self.links[fault.victim]
                chance = random.Random(str(fault))
                link.delay_seconds = lambda: chance.uniform(*DELAY_SECONDS)
                await asyncio.sleep(fault.seconds)
                link.delay_seconds = None
            case "lose_answers":
                link = self.links[fault.victim]
                link.swallow_answers = True
                await asyncio.sleep(fault.seconds)
                link.swallow_answers = False
                link.cut()
            case "lose_store":
                async with self.servers_starting:
                    await asyncio.to_thread(self._lose_store)
            case "model":
                await self._model_fails(MODEL_FAULTS[fault.victim], fault.seconds)

    async def _model_fails(self, rule: Mapping[str, object], seconds: float) -> None:
        faults = f"{self.system.simulator_url}/faults"
        async with httpx.AsyncClient(trust_env=False) as client:
            placed = (await client.post(faults, json=[rule])).json()
            await asyncio.sleep(seconds)
            await client.delete(faults, params={"id": placed["ids"][0]})

    def _pid(self, victim: str) -> int | None:
        own = {"nats": self.nats.process.pid, "postgres": self.postgres.process.pid}
        return own.get(victim) or self.system.pids.get(victim)

    async def _kill(self, victim: str, seconds: float) -> None:
        if victim == "nats":
            async with self.servers_starting:
                self.nats.kill()
                await asyncio.sleep(min(seconds, 2.0))
                await asyncio.to_thread(self.nats.start)
        elif victim == "postgres":
            async with self.servers_starting:
                self.postgres.process.send_signal(signal.SIGQUIT)  # "immediate": no checkpoint
                await asyncio.to_thread(self.postgres.process.wait)
                self.postgres = await asyncio.to_thread(RunningPostgres, self.server, self.log_file)
        else:
            self.system.kill([victim])

    def stop_postgres(self) -> None:
        """Stop the server that runs now: after a kill it is another one."""
        self.postgres.stop()

    def _lose_store(self) -> None:
        self.nats.kill()
        shutil.rmtree(self.nats.server.data_dir / "store", ignore_errors=True)
        self.nats.start()


@contextmanager
def _paused(pid: int | None) -> Generator[None]:
    """A process stands still while the context is open, and its children: those of Postgres do its
    work. Nothing if there is none."""
    stopped: list[int] = []
    try:
        if pid is not None and _send(pid, signal.SIGSTOP):
            stopped.append(pid)
            stopped += [child for child in _children(pid) if _send(child, signal.SIGSTOP)]
        yield
    finally:
        for one in reversed(stopped):
            _send(one, signal.SIGCONT)


def _send(pid: int, number: signal.Signals) -> bool:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True


def _children(pid: int) -> list[int]:
    """None where the system does not tell (it is Linux that does)."""
    with suppress(FileNotFoundError):
        return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


@asynccontextmanager
async def running(folder: Path) -> AsyncGenerator[Running]:
    """A system in a folder that the account of Postgres can enter."""
    async with AsyncExitStack() as stack:
        server = PostgresServer(folder / "postgres", unused_port(), PASSWORD)
        log_file = folder / "postgres.log"
        postgres = await asyncio.to_thread(RunningPostgres, server, log_file)
        nats = await asyncio.to_thread(start_nats, folder / "nats", unused_port())
        links = {
            "postgres": await stack.enter_async_context(proxy_to(server.port)),
            "nats": await stack.enter_async_context(proxy_to(nats.server.port)),
        }
        output = StringIO()
        system = LocalSystem(
            folder / "data",
            env={
                "DATABASE_URL": server.url.replace(
                    f":{server.port}/", f":{links['postgres'].port}/"
                ),
                "NATS_URL": nats.server.url("admin").replace(
                    f":{nats.server.port}", f":{links['nats'].port}"
                ),
                **SETTINGS,
            },
            output=output,
        )
        made = Running(system, postgres, nats, links, output, server, log_file)
        stack.callback(made.nats.stop)
        stack.callback(made.stop_postgres)
        await stack.enter_async_context(system)
        yield made
