"""All of Lingxi with servers of its own behind proxies, so that links can be cut as well."""

import asyncio
import os
import shutil
import signal
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
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
                with _Paused(self._pid(fault.victim)):
                    await asyncio.sleep(fault.seconds)
            case "cut":
                self.links[fault.victim].cut()
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


class _Paused:
    """A process stands still while the context is open; nothing if there is none."""

    def __init__(self, pid: int | None) -> None:
        self._pid = pid

    def __enter__(self) -> None:
        self._send(signal.SIGSTOP)

    def __exit__(self, *_: object) -> None:
        self._send(signal.SIGCONT)

    def _send(self, number: signal.Signals) -> None:
        if self._pid is not None:
            with suppress(ProcessLookupError):
                os.kill(self._pid, number)


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
                "REPLY_WAIT_SECONDS": "5",
                "TURN_DEADLINE_SECONDS": "20",
            },
            output=output,
        )
        made = Running(system, postgres, nats, links, output, server, log_file)
        stack.callback(made.nats.stop)
        stack.callback(made.stop_postgres)
        await stack.enter_async_context(system)
        yield made
