"""The command on the one running system of the tests, called as a person would."""

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from clients.cli.tests.calling import Person, Result, call
from tests.fixtures.system import RunningSystem

type Lingxi = Callable[..., Result]
"""`lingxi("users", "list")`, with `stdin` and further settings; the result."""


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
