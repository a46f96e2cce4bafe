"""The life of a service as a real process: how it starts, stops and fails."""

import asyncio
import json
import signal
import socket
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from lingxi_chassis.clock import monotonic
from lingxi_local.ports import LOOPBACK
from tests.fixtures.waiting import eventually

ROOT = Path(__file__).parents[3]
STOP_SECONDS_MAX = 10.0
HANGS_SECONDS = 60.0
"""What takes longer hangs, on however busy a machine."""


@asynccontextmanager
async def service(settings: Mapping[str, str], *arguments: str) -> AsyncGenerator[Process]:
    """The process; killed at the end if it still runs."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "libs.chassis.tests.a_service",
        *arguments,
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", **settings},
        stdout=PIPE,
        stderr=PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def end_of(process: Process) -> tuple[int, list[dict[str, str]], str]:
    """Exit code, log lines, standard error."""
    out, err = await asyncio.wait_for(process.communicate(), HANGS_SECONDS)
    assert process.returncode is not None
    return process.returncode, [json.loads(line) for line in out.splitlines()], err.decode()


async def started(process: Process) -> None:
    """Wait for the line that says so."""
    assert process.stdout is not None
    async with asyncio.timeout(HANGS_SECONDS):
        while b'"started"' not in (line := await process.stdout.readline()):
            assert line, "it ended before it had started"


@pytest.fixture
def environment(nats_url: str, unused_port: int) -> dict[str, str]:
    return {"NATS_URL": nats_url, "LINGXI_INTERNAL_PORT": str(unused_port)}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_stops_it_in_good_order(
    environment: dict[str, str], number: signal.Signals
) -> None:
    """Guards graceful stops: exit code 0, well under ten seconds, and it was healthy before."""
    async with service(environment) as process:
        await started(process)
        url = f"http://{LOOPBACK}:{environment['LINGXI_INTERNAL_PORT']}/health/ready"
        async with httpx.AsyncClient() as client:
            assert (await client.get(url)).status_code == 200
        began = monotonic()
        process.send_signal(number)
        code, lines, _ = await end_of(process)
    assert code == 0
    assert monotonic() - began < STOP_SECONDS_MAX
    assert [line["event"] for line in lines] == ["stopping", "stopped"]
    assert {line["service"] for line in lines} == {"clerk"}


async def test_a_missing_setting_is_named_and_its_value_is_not_told() -> None:
    """Guards the first thing an operator sees: which setting, and no secret."""
    wrong = {"LINGXI_INTERNAL_PORT": "secret-port"}
    async with service(wrong) as process:
        code, _, err = await end_of(process)
    assert code == 1
    assert "clerk: setting NATS_URL: Field required" in err
    assert "clerk: setting LINGXI_INTERNAL_PORT" in err
    assert "secret-port" not in err
    assert "Traceback" not in err


async def test_a_start_that_fails_is_one_clear_line(environment: dict[str, str]) -> None:
    """Guards exit code 1: here the port of its health is taken."""
    port = int(environment["LINGXI_INTERNAL_PORT"])
    with socket.create_server((LOOPBACK, port)):
        async with service(environment) as process:
            code, lines, err = await end_of(process)
    assert code == 1
    assert [line["event"] for line in lines] == ["start_failed"]
    assert "in use" in lines[0]["error"]
    assert "Traceback" not in err


async def test_a_server_that_is_not_there_fails_the_start(unused_port: int) -> None:
    """Guards against waiting for ever: the library would try without end and hear no signal."""
    async with service(nowhere(unused_port) | {"PATIENCE_SECONDS": "1"}) as process:
        code, lines, _ = await end_of(process)
    assert code == 1
    assert lines[-1]["event"] == "start_failed"
    assert "NATS" in lines[-1]["error"]


async def test_a_server_that_goes_away_during_the_start_is_an_outage(
    environment: dict[str, str],
) -> None:
    """Guards what a log calls an error: whoever supervises starts it again, and that is all."""
    async with service(environment | {"MODE": "lose_a_server"}) as process:
        code, lines, _ = await end_of(process)
    assert code == 1
    assert (lines[-1]["event"], lines[-1]["level"]) == ("start_broken_off", "warning")


async def test_a_start_that_waits_is_alive_not_ready_and_stops_at_once(unused_port: int) -> None:
    """Guards the wait for a server: nobody takes it for dead, or for ready, or has to kill it."""
    async with service(nowhere(unused_port)) as process:
        async with httpx.AsyncClient(base_url=f"http://{LOOPBACK}:{unused_port}") as client:

            async def is_alive() -> bool:
                try:
                    return (await client.get("/health/live")).status_code == 200
                except httpx.ConnectError:
                    return False

            await eventually(is_alive)
            ready = await client.get("/health/ready")
        assert (ready.status_code, ready.json()["reasons"]) == (503, {"nats": "not reached yet"})
        began = monotonic()
        process.terminate()
        code, lines, err = await end_of(process)
    assert code == 0
    assert monotonic() - began < STOP_SECONDS_MAX
    assert lines[-1]["event"] == "stopped"
    assert "Traceback" not in err


def nowhere(internal_port: int) -> dict[str, str]:
    """Settings of a service whose NATS is not there."""
    return {"NATS_URL": f"nats://{LOOPBACK}:1", "LINGXI_INTERNAL_PORT": str(internal_port)}


async def test_a_process_that_cannot_work_any_more_ends_with_1(
    environment: dict[str, str],
) -> None:
    """Guards supervision: it is started again, so it must say that it failed."""
    async with service(environment | {"MODE": "die"}) as process:
        code, lines, _ = await end_of(process)
    assert code == 1
    assert lines[-1]["event"] == "stopped"


async def test_a_stop_that_hangs_is_cut_off(environment: dict[str, str]) -> None:
    """Guards the ten seconds: whatever hangs does not keep the process."""
    async with service(environment | {"MODE": "hang_at_stop"}) as process:
        await started(process)
        process.terminate()
        code, lines, _ = await end_of(process)
    assert code == 1
    assert "stop_cut_off" in [line["event"] for line in lines]


async def test_migrate_migrates_and_ends(environment: dict[str, str]) -> None:
    """Guards the other way to run a service."""
    async with service(environment, "migrate") as process:
        out, _ = await asyncio.wait_for(process.communicate(), HANGS_SECONDS)
    assert process.returncode == 0
    assert out == b"migrated\n"
