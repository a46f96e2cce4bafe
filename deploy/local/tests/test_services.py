"""The real services, as `make run` runs them."""

from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest

from lingxi_local.services import SERVICES
from tests.fixtures.system import RunningSystem

NAMES = [service.name for service in SERVICES]


def get(system: RunningSystem, path: str) -> int:
    """The status of a GET."""
    connection = HTTPConnection(urlsplit(system.base_url).netloc, timeout=10)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    finally:
        connection.close()


def test_every_service_runs_and_may_do_what_it_does(system: RunningSystem) -> None:
    assert set(system.pids) == {"postgres", "nats", "simulator", *NAMES}
    assert get(system, "/openapi.json") == 200
    # Others are tried by other tests, on purpose: an operator with a wrong password, for example.
    refused = [line for line in system.output.lower().splitlines() if "violation" in line]
    assert [line for line in refused if any(f"lingxi-{name}" in line for name in NAMES)] == []


@pytest.mark.parametrize("name", NAMES)
async def test_a_killed_service_is_named_and_works_again(system: RunningSystem, name: str) -> None:
    said_before = len(system.output)
    await system.kill(name)
    assert f"lingxi     | {name} crashed (killed by SIGKILL)" in system.output[said_before:]
    assert get(system, "/openapi.json") == 200


@pytest.mark.parametrize("name", NAMES)
async def test_a_service_stops_gracefully(system: RunningSystem, name: str) -> None:
    said_before = len(system.output)
    await system.restart(name)
    assert "did not stop" not in system.output[said_before:]
    assert "crashed" not in system.output[said_before:]
