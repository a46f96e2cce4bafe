"""The command on the one running system of the tests, called as a person would."""

import json
from collections.abc import Callable
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import httpx
import pytest

from clients.cli.tests.calling import Person, Result, call
from tests.fixtures.system import RunningSystem

type Lingxi = Callable[..., Result]
"""`lingxi("users", "list")`, with `stdin` and further settings; the result."""

PUBLISHED_SECONDS_MAX = 60.0


@pytest.fixture
def lingxi(
    system: RunningSystem,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Lingxi:
    """The command beside the running system: it finds it by the data directory."""
    monkeypatch.chdir(tmp_path)  # no .env
    monkeypatch.delenv("NATS_URL", raising=False)
    monkeypatch.setenv("LINGXI_DATA_DIR", str(system.local.data_places[0]))

    def run(*argv: str, stdin: str = "", **settings: str) -> Result:
        with monkeypatch.context() as changed:
            for name, value in settings.items():
                changed.setenv(name, value)
            return call(argv, stdin, changed, capsys)

    return run


@pytest.fixture
def person(system: RunningSystem) -> Person:
    """Somebody who has an account and an access token."""
    with httpx.Client(base_url=system.base_url, trust_env=False, timeout=30) as http:
        return Person.registered(http)


def published(lingxi: Lingxi) -> None:
    """An answer comes at the end of its turn, whose events follow."""
    until = monotonic() + PUBLISHED_SECONDS_MAX
    while any(service["log"]["unpublished_events"] for service in owners(lingxi)):
        assert monotonic() < until
        sleep(0.05)


def owners(lingxi: Lingxi) -> list[Any]:
    """How those that have a log are."""
    services = json.loads(lingxi("status", "--json").out)["services"].values()
    return [service for service in services if service["log"]]
