"""`python -m tests.observability [--seconds 600] [--prometheus PATH]`

Starts a system of its own and puts load on it; a real Prometheus reads the services and evaluates
the alerts. Exit code 1 if a query of a dashboard, or a series of an alert, has no data, or an alert
fires.
"""

import argparse
import asyncio
import io
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Generator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path

import yaml

from lingxi_chassis.clock import monotonic
from lingxi_local.ports import LOOPBACK, unused_port
from lingxi_local.services import SERVICES
from lingxi_local.system import LocalSystem
from tests.fixtures.servers import reachable_folder
from tests.fixtures.waiting import eventually
from tests.observability.asking import Asked
from tests.observability.files import ALERTS, alerts, shown
from tests.observability.load import load

SECONDS = 60.0
SCRAPE_SECONDS = 2
TIME_SCALE = 600
"""Ten minutes of an agent's waiting take a second."""


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


@contextmanager
def running(program: str, configured: Path, folder: Path) -> Generator[str]:
    """A Prometheus while the context is open; its URL."""
    url = f"{LOOPBACK}:{unused_port()}"
    process = subprocess.Popen(
        [
            program,
            f"--config.file={configured}",
            f"--storage.tsdb.path={folder / 'tsdb'}",
            f"--web.listen-address={url}",
            "--log.level=warn",
        ]
    )
    try:
        yield f"http://{url}"
    finally:
        process.terminate()
        process.wait()


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
            url = stack.enter_context(running(program, configured, Path(own)))
            prometheus = await stack.enter_async_context(Asked(url, SCRAPE_SECONDS))
            await eventually(prometheus.ready)
            await load(system.base_url, monotonic() + seconds)
            await asyncio.sleep(2 * SCRAPE_SECONDS)
            return await prometheus.find_faults()


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
