"""The whole of Lingxi on this machine: servers, model and services as supervised children.

    async with LocalSystem(data_dir) as system:
        system.base_url

Everything stops when the context ends, in this order: services, model, NATS, Postgres. Nothing is
left behind when this process is killed either (see `process`).
"""

import asyncio
import os
import signal
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Self, TextIO

from lingxi_local import operator
from lingxi_local.child import Child, Recipe, run_once
from lingxi_local.data_dir import DataDir, Secrets
from lingxi_local.migrations import is_behind
from lingxi_local.models import Model, choose_model
from lingxi_local.output import Output
from lingxi_local.ports import LOOPBACK, is_taken, unused_port
from lingxi_local.postgres import recorded_elsewhere
from lingxi_local.process import Command
from lingxi_local.servers import Servers, choose_servers, make_databases, secret_names
from lingxi_local.services import SERVICES, Service, Surroundings, service_env, service_recipe
from lingxi_local.settings import LOCAL_DEFAULTS, LocalSettings, minimal_environment

READY_SECONDS_MAX = 60.0
STOP_SECONDS_MAX = 9.5
# A supervisor killed a moment ago leaves its port for that moment.
PORT_WAIT_SECONDS_MAX = 1.0
PORT_POLL_SECONDS = 0.05


class PortTaken(Exception):
    """The port of the API can't be used, mostly because someone else listens on it."""


class LocalSystem:
    """One installation, running. `port` 0 picks a free one.

    `env` holds settings, of Lingxi and of its services, as environment variables; nothing else of
    this process's environment but what any process needs goes on to the children.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        port: int = 0,
        env: Mapping[str, str] | None = None,
        output: TextIO | None = None,
        services: Sequence[Service] = SERVICES,
    ) -> None:
        self._env = {**LOCAL_DEFAULTS, **minimal_environment(), **(env or {})}
        self._settings = LocalSettings.read(self._env)
        self._data_dir = data_dir
        self._services = services
        self.output = Output(sys.stdout if output is None else output)
        self.port = port
        self.children: dict[str, Child] = {}
        self._data: DataDir | None = None
        self._servers: Servers | None = None
        self._model: Model | None = None

    @property
    def base_url(self) -> str:
        """Root of the public API, without a final slash."""
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def model(self) -> Model:
        """The model the services speak to."""
        assert self._model is not None
        return self._model

    @property
    def simulator_url(self) -> str:
        """Root of the simulator. Only where no other model is configured."""
        assert self.model.simulator_url is not None
        return self.model.simulator_url

    @property
    def servers(self) -> Servers:
        """URLs of the databases and of NATS, with credentials."""
        assert self._servers is not None
        return self._servers

    @property
    def pids(self) -> dict[str, int]:
        """Process ids by name, of those that run right now."""
        return {name: child.pid for name, child in self.children.items() if child.pid is not None}

    @property
    def data_places(self) -> list[Path]:
        """Where data lies: the data directory, and Postgres' when that had to lie elsewhere."""
        folder = self._data_dir.absolute()
        elsewhere = recorded_elsewhere(folder / "postgres")
        return [folder] if elsewhere is None else [folder, elsewhere]

    async def start(self) -> None:
        """Start everything and wait until it is ready.

        Raises:
            AlreadyRunning, DataUnusable, PortTaken, StartFailed, OSError: what was started is
                stopped by then.
        """
        try:
            await self._start()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Stop everything within ten seconds. Repeatable."""
        loop = asyncio.get_running_loop()
        ends_at = loop.time() + STOP_SECONDS_MAX
        services = {service.name for service in self._services}
        await asyncio.gather(
            *(child.stop() for name, child in self.children.items() if name in services)
        )
        # The first that was started, Postgres, is the last to stop and may take what time is left:
        # it writes a checkpoint.
        others = [self.children[name] for name in reversed(self.children) if name not in services]
        for child in others:
            left = ends_at - loop.time() if child is others[-1] else 0.0
            await child.stop(max(child.recipe.stop_seconds_max, left))
        if self._data is not None:
            operator.remove(self._data.path)
            self._data.close()

    def kill(self, names: Iterable[str] | None = None) -> None:
        """End these children (all without `names`) at once, as a crash would."""
        for name in list(self.children) if names is None else names:
            self.children[name].signal(signal.SIGKILL)

    def cut_off(self) -> None:
        """End all children at once and for good; `stop` is then soon done."""
        for child in self.children.values():
            child.cut_off()

    async def restart(self, name: str) -> None:
        """Stop one child gracefully, start it again, wait until it is ready."""
        await self.children[name].restart()
        await self.wait_ready([name])

    async def wait_ready(self, names: Iterable[str] | None = None) -> None:
        """Wait until these children (all without `names`) are ready. Raises `StartFailed`."""
        wanted = list(self.children) if names is None else list(names)
        await asyncio.gather(
            *(self.children[name].wait_ready(READY_SECONDS_MAX) for name in wanted)
        )

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def _start(self) -> None:
        self._data = DataDir(self._data_dir)
        await self._choose_port()
        secrets = Secrets.open(self._data.path, ["jwt", *secret_names()])
        self._data.describe_holder(f"{self.base_url}, started by process {os.getpid()}")
        self._model = choose_model(self._settings, self._env)
        model_recipes = () if self._model.recipe is None else (self._model.recipe,)
        self._servers = await choose_servers(self._settings, self._data, secrets)
        operator.write(self._data.path, self._servers)
        await self._launch([*self._servers.recipes, *model_recipes])
        await self.wait_ready([recipe.name for recipe in self._servers.recipes])
        await make_databases(self._servers)
        surroundings = Surroundings(
            base_env=self._env,
            public_port=self.port,
            jwt_secret=secrets["jwt"],
            nats_urls=self._servers.nats_urls,
            database_urls=self._servers.database_urls,
            model_env=self._model.env,
            folder=self._data.path,
        )
        await self._migrate(surroundings)
        await self._launch(
            [service_recipe(service, surroundings, unused_port()) for service in self._services]
        )
        await self.wait_ready()

    async def _choose_port(self) -> None:
        if self.port == 0:
            self.port = unused_port()
            return
        another = (
            f"Set LINGXI_PORT to another one, for example: make run LINGXI_PORT={unused_port()}"
        )
        deadline = asyncio.get_running_loop().time() + PORT_WAIT_SECONDS_MAX
        try:
            while is_taken(self.port):
                if asyncio.get_running_loop().time() > deadline:
                    raise PortTaken(f"Port {self.port} is taken by another program. {another}")
                await asyncio.sleep(PORT_POLL_SECONDS)
        except OSError as error:
            raise PortTaken(
                f"Port {self.port} can't be used: {error.strerror}. {another}"
            ) from None

    async def _launch(self, recipes: Sequence[Recipe]) -> None:
        for recipe in recipes:
            child = Child(recipe, self.output)
            self.children[recipe.name] = child
            await child.start()

    async def _migrate(self, surroundings: Surroundings) -> None:
        behind = [
            service
            for service in self._services
            if service.migrates
            and await asyncio.to_thread(
                is_behind, service.module, surroundings.database_urls[service.name]
            )
        ]
        await asyncio.gather(*(self._migrate_one(service, surroundings) for service in behind))

    async def _migrate_one(self, service: Service, surroundings: Surroundings) -> None:
        command = Command(
            argv=[sys.executable, "-m", service.module, "migrate"],
            env=service_env(service, surroundings, internal_port=0),
            cwd=surroundings.folder,
        )
        await run_once(service.name, command, self.output)
