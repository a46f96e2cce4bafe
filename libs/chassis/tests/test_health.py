"""Health and metrics over HTTP: live while the loop turns, ready while every check passes."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from prometheus_client import REGISTRY, Gauge
from starlette.applications import Starlette

from lingxi_chassis import health as health_module, readings
from lingxi_chassis.health import Health, serve_health, serve_http
from lingxi_local.ports import LOOPBACK


@pytest.fixture
async def health() -> Health:
    return Health()


@pytest.fixture
async def http(health: Health, unused_port: int) -> AsyncIterator[httpx.AsyncClient]:
    async with (
        serve_health(health, LOOPBACK, unused_port),
        httpx.AsyncClient(base_url=f"http://{LOOPBACK}:{unused_port}") as client,
    ):
        yield client


async def fine() -> str | None:
    return None


async def test_ready_while_every_check_passes(health: Health, http: httpx.AsyncClient) -> None:
    """Guards the plain answers."""
    health.add("database", fine)
    ready = await http.get("/health/ready")
    assert (ready.status_code, ready.json()) == (200, {"status": "ready", "reasons": {}})
    assert (await http.get("/health/live")).status_code == 200
    metrics = await http.get("/metrics")
    assert "python_info" in metrics.text


async def test_not_ready_names_each_reason(
    health: Health, http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards readiness: a check that says no, breaks, or hangs is a reason; live stays live."""
    monkeypatch.setattr(health_module, "CHECK_SECONDS_MAX", 0.1)

    async def lagging() -> str | None:
        return "lagging"

    async def broken() -> str | None:
        raise KeyError("x")

    async def hanging() -> str | None:
        await asyncio.Event().wait()
        return None

    for name, check in (("a", fine), ("b", lagging), ("c", broken), ("d", hanging)):
        health.add(name, check)
    ready = await http.get("/health/ready")
    assert ready.status_code == 503
    assert ready.json()["reasons"] == {
        "b": "lagging",
        "c": "KeyError('x')",
        "d": "no answer in time",
    }
    assert (await http.get("/health/live")).status_code == 200


async def test_metrics_say_what_was_read_and_what_was_not(
    health: Health, http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards scraping: a part that is away or hangs is told, and keeps nothing else back."""
    monkeypatch.setattr(readings, "READ_SECONDS_MAX", 0.1)
    gauge = Gauge("test_depth", "Of this test", registry=REGISTRY)

    async def deep() -> None:
        gauge.set(42)

    async def broken() -> None:
        raise KeyError("x")

    async def hanging() -> None:
        await asyncio.Event().wait()

    async def lagging() -> str | None:
        return "lagging"

    for name, read in (("a", deep), ("b", broken), ("c", hanging)):
        health.readings.add(name, read)
    health.add("relay", lagging)
    health.add("database", fine)
    told = (await http.get("/metrics")).text.splitlines()
    assert {
        "test_depth 42.0",
        'lingxi_reading_ok{reading="a"} 1.0',
        'lingxi_reading_ok{reading="b"} 0.0',
        'lingxi_reading_ok{reading="c"} 0.0',
        'lingxi_part_ready{part="relay"} 0.0',
        'lingxi_part_ready{part="database"} 1.0',
    } <= set(told)
    REGISTRY.unregister(gauge)


async def test_a_taken_port_is_told(health: Health, http: httpx.AsyncClient) -> None:
    """Guards starting twice: an error that names the fault, not a server that hears nothing."""
    port = http.base_url.port
    assert port is not None
    with pytest.raises(OSError, match="in use"):
        async with serve_http(Starlette(), LOOPBACK, port):
            pass


async def test_a_part_may_be_added_while_others_are_looked_at() -> None:
    health = Health()

    async def adds_another() -> str | None:
        health.add("later", adds_another)
        return "not yet"

    health.add("first", adds_another)
    assert await health.reasons() == {"first": "not yet"}
    assert await health.reasons() == {"first": "not yet", "later": "not yet"}
