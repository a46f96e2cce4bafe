"""`python -m tests.observability [--seconds 600] [--prometheus PATH]`

Starts a system of its own and puts load on it; a real Prometheus reads the services and evaluates
the alerts. Exit code 1 if a query of a dashboard, or a series of an alert, has no data, or an alert
fires.
"""

import argparse
import asyncio
import io
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import AsyncExitStack, closing
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx
import yaml

from lingxi_chassis.clock import monotonic
from lingxi_local.ports import LOOPBACK, unused_port
from lingxi_local.services import SERVICES
from lingxi_local.system import LocalSystem
from tests.e2e.client import User, new_user
from tests.fixtures.servers import reachable_folder
from tests.fixtures.waiting import eventually
from tests.observability.files import ALERTS, RATE_INTERVAL, alerts, metrics_in, shown

SECONDS = 60.0
SCRAPE_SECONDS = 2
TIME_SCALE = 600
"""Ten minutes of an agent's waiting take a second."""
USERS = 4
PAUSE_SECONDS = 0.2
STARTED_SECONDS_MAX = 60.0


async def talk(base_url: str, until: float) -> None:
    """One user's conversation, with a refusal now and then, and a deletion at last."""
    async with new_user(base_url) as user:
        agent = await user.create_agent("You are calm.")
        listening = asyncio.create_task(_listen(user))
        session: str | None = None
        while monotonic() < until:
            where = {"session_id": session} if session else {"agent_id": agent["id"]}
            session = (await user.say("What do you think of it?", **where))["session_id"]
            missing = await user.http.get(f"/api/sessions/{agent['id']}/")
            assert missing.status_code == HTTPStatus.NOT_FOUND
            await asyncio.sleep(PAUSE_SECONDS)
        listening.cancel()
        await asyncio.wait([listening])
        await user.http.delete(f"/api/sessions/{session}/")


async def _listen(user: User) -> None:
    async with user.http.stream("GET", "/api/events/") as feed:
        async for _ in feed.aiter_lines():
            pass


def configuration(system: LocalSystem, folder: Path) -> Path:
    """Ours in everything but where the services are and how often they are read."""
    told = yaml.safe_load((ALERTS.parent / "prometheus.yml").read_text())
    every = f"{SCRAPE_SECONDS}s"
    told["global"] = {"scrape_interval": every, "evaluation_interval": every}
    told["rule_files"] = [str(ALERTS)]
    (job,) = told["scrape_configs"]
    del job["dns_sd_configs"], job["relabel_configs"]
    ports = {
        one.name: system.children[one.name].recipe.command.env["LINGXI_INTERNAL_PORT"]
        for one in SERVICES
    }
    job["static_configs"] = [
        {"targets": [f"{LOOPBACK}:{port}"], "labels": {"service": name}}
        for name, port in ports.items()
    ]
    path = folder / "prometheus.yml"
    path.write_text(yaml.safe_dump(told))
    return path


def check_files(promtool: Path, configured: Path) -> None:
    """What Prometheus itself says of them. Raises CalledProcessError."""
    for check in (
        ("check", "config", configured),
        ("test", "rules", ALERTS.with_name("alerts.test.yml")),
    ):
        subprocess.run([promtool, *check], check=True)


class Prometheus:
    """A running one."""

    def __init__(self, program: str, configured: Path, folder: Path) -> None:
        port = unused_port()
        self._http = httpx.AsyncClient(base_url=f"http://{LOOPBACK}:{port}", trust_env=False)
        self._process = subprocess.Popen(
            [
                program,
                f"--config.file={configured}",
                f"--storage.tsdb.path={folder / 'tsdb'}",
                f"--web.listen-address={LOOPBACK}:{port}",
                "--log.level=warn",
            ]
        )

    async def ready(self) -> bool:
        """Whether it answers."""
        try:
            return (await self._http.get("/-/ready")).is_success
        except httpx.TransportError:
            return False

    async def ask(self, query: str) -> list[Any]:
        """The series that a query has now, but for those that are no number."""
        asked = query.replace(RATE_INTERVAL, f"{8 * SCRAPE_SECONDS}s")
        answer = await self._http.get("/api/v1/query", params={"query": asked})
        told: Mapping[str, Any] = answer.json()
        assert told["status"] == "success", f"{query}: {told.get('error')}"
        return [one for one in told["data"]["result"] if one["value"][1] != "NaN"]

    def close(self) -> None:
        """Stop it."""
        self._process.terminate()
        self._process.wait()


async def find_faults(prometheus: Prometheus) -> list[str]:
    """Queries without data, and alerts that fire."""
    faults = [
        f"no data: {where}: {query}" for where, query in shown() if not await prometheus.ask(query)
    ]
    for rule in alerts():
        faults += [
            f"no data: alert {rule['alert']}: {name}"
            for name in sorted(metrics_in(rule["expr"]))
            if not await prometheus.ask(name)
        ]
    for fires in await prometheus.ask("ALERTS"):
        faults.append(f"fires: {json.dumps(fires['metric'])}")
    return faults


async def run(program: str, seconds: float) -> list[str]:
    """Load, then the questions; what is wrong."""
    env = {"LINGXI_TIME_SCALE": str(TIME_SCALE), "OPENAI_EMBEDDING_MODEL": "simulated"}
    log = io.StringIO()
    with reachable_folder() as folder, tempfile.TemporaryDirectory() as own:
        async with AsyncExitStack() as stack:
            system = LocalSystem(folder / "data", env=env, output=log)
            await stack.enter_async_context(system)
            configured = configuration(system, Path(own))
            await asyncio.to_thread(check_files, Path(program).with_name("promtool"), configured)
            prometheus = stack.enter_context(closing(Prometheus(program, configured, Path(own))))
            await eventually(prometheus.ready, STARTED_SECONDS_MAX)
            until = monotonic() + seconds
            await asyncio.gather(*(talk(system.base_url, until) for _ in range(USERS)))
            await asyncio.sleep(2 * SCRAPE_SECONDS)
            return await find_faults(prometheus)


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(prog="tests.observability", description=__doc__)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--prometheus", default=shutil.which("prometheus"))
    arguments = parser.parse_args()
    if arguments.prometheus is None:
        sys.exit("there is no program prometheus here (Debian: apt install prometheus)")
    faults = asyncio.run(run(arguments.prometheus, arguments.seconds))
    queries = len(list(shown()))
    sys.stdout.write("".join(f"{fault}\n" for fault in faults))
    sys.stdout.write(f"{queries} queries, {len(alerts())} alerts, {len(faults)} faults\n")
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
