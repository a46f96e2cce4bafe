"""`lingxi status`, and how every command speaks when something is away."""

import json
import os
import signal
import stat
from pathlib import Path

import pytest

from clients.cli.tests.conftest import Lingxi
from lingxi_contracts.operations import SERVICES
from tests.fixtures.system import RunningSystem

EVERY_COMMAND = (
    ("status",),
    ("users", "list"),
    ("users", "disable", "lin"),
    ("events", "tail"),
    ("events", "republish", "chat"),
    ("dead-letters", "list"),
    ("dead-letters", "drop", "1"),
    ("rebuild", "agent"),
)


def test_all_is_well(lingxi: Lingxi, system: RunningSystem) -> None:
    """Guards the overview of a healthy system."""
    shown = lingxi("status")
    assert shown.code == 0, shown
    for service in SERVICES:
        assert any(line.split()[:2] == [service, "ready"] for line in shown.lines), shown.out
    assert f"{system.simulator_url}/v1 (chat)" in shown.out
    document = json.loads(lingxi("status", "--json").out)
    assert set(document["services"]) == set(SERVICES)
    log = document["services"]["chat"]["log"]
    assert log["unpublished_events"] == 0
    assert log["xmin_age_transactions"] >= 0
    assert log["erasures_open"] >= 0
    consumers = {one["name"]: one for one in document["consumers"]}
    assert consumers["chat-remember_user"]["stream"] == "GATEWAY_EVENTS"
    assert consumers["chat-remember_user"]["waiting"] == 0
    assert isinstance(document["dead_letters"], int)


def test_a_service_that_is_away_is_named(lingxi: Lingxi, system: RunningSystem) -> None:
    """Guards `status` when it matters: the others are shown, and the exit code says it."""
    pid = system.pids["agent"]
    os.kill(pid, signal.SIGSTOP)
    try:
        shown = lingxi("status")
        rebuilt = lingxi("events", "republish", "agent")
    finally:
        os.kill(pid, signal.SIGCONT)
    assert shown.code == 1
    states = {line.split()[0]: line.split()[1] for line in shown.lines[1 : len(SERVICES) + 1]}
    assert states == dict.fromkeys(SERVICES, "ready") | {"agent": "away"}
    assert rebuilt.complained(1, "agent does not answer")


@pytest.mark.parametrize("argv", EVERY_COMMAND, ids=" ".join)
def test_without_nats_one_line_says_so(
    lingxi: Lingxi, argv: tuple[str, ...], unused_port: int
) -> None:
    """Guards every command against a stack trace, and the person against waiting for long."""
    nowhere = f"nats://operator:secret@127.0.0.1:{unused_port}"
    away = lingxi(*argv, NATS_URL=nowhere)
    assert away.complained(1, "nobody answers", str(unused_port))
    assert "secret" not in away.err
    assert away.out == ""


def test_wrong_credentials_are_named_as_such(lingxi: Lingxi) -> None:
    """Guards the reason: not 'away', and not the password."""
    url = lingxi("subscriber-url").out.strip()
    refused = lingxi("status", NATS_URL=url.replace("subscriber:", "operator:"))
    assert refused.complained(1, "does not know this user and password")
    assert url.split(":")[2].split("@")[0] not in refused.err
    assert lingxi("status", NATS_URL="localhost").complained(1, "nats://user:password@host")
    for command in EVERY_COMMAND:
        assert lingxi(*command, NATS_URL=url).complained(1, "use the operator's")


def test_settings_that_are_no_text_are_named(lingxi: Lingxi, tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"NATS_URL=\xff")
    assert lingxi("status").complained(1, ".env", "UTF-8")


def test_where_nothing_runs_it_says_how_to_start(lingxi: Lingxi, system: RunningSystem) -> None:
    """Guards finding the installation: by a file for its account alone."""
    assert lingxi("status", LINGXI_DATA_DIR="elsewhere").complained(1, "elsewhere", "make run")
    file = system.local.data_places[0] / "operator.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_what_is_not_understood_ends_with_2(lingxi: Lingxi) -> None:
    """Guards the exit codes of the command line itself."""
    assert lingxi().complained(2, "COMMAND")
    assert lingxi("nonsense").complained(2, "invalid choice")
    assert lingxi("stat").complained(2, "invalid choice")
    assert lingxi("--help").code == 0
