"""The Prometheus of the profile `observability` beside a system under light load: every query of
the dashboards has data, every alert reads something, and none fires.

Grafana asks it the same; neither Grafana nor the collector is started.
"""

import asyncio

import yaml

from lingxi_chassis.clock import monotonic
from tests.containers.project import NO_LIMITS, Project, Tried, project
from tests.observability.asking import Asked
from tests.observability.files import FOLDER, alerts, shown
from tests.observability.load import load

PORT = 9090
SETTINGS = {
    **NO_LIMITS,
    "SCHEDULER_CHECK_INTERVAL_MINUTES": "0.1",
}


async def try_observing(port: int, seconds: float) -> Tried:
    """Up, load for so long, and the questions while its numbers are fresh."""
    with project("lingxi-try-observe", port, **SETTINGS) as made:
        await asyncio.to_thread(made.run, "up")
        await asyncio.to_thread(made.compose, "up", "-d", "--wait", "--no-deps", "prometheus")
        return await _observe(made, seconds)


async def _observe(made: Project, seconds: float) -> Tried:
    told = yaml.safe_load((FOLDER / "prometheus.yml").read_text())["global"]["scrape_interval"]
    scrape_seconds = int(told.removesuffix("s"))
    async with Asked(f"http://{made.address('prometheus')}:{PORT}", scrape_seconds) as prometheus:
        await load(made.base_url, monotonic() + seconds)
        await asyncio.sleep(scrape_seconds)
        findings = await prometheus.find_faults()
    figures = f"{seconds:.0f} s of load; {len(list(shown()))} queries, {len(alerts())} alerts"
    return Tried(figures, findings)
