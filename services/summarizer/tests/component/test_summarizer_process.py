"""The summarizer as a process and as its own NATS user: starts, is healthy, stops well."""

import asyncio
import signal
import sys
from asyncio.subprocess import DEVNULL
from pathlib import Path

import httpx

from lingxi_local.nats import NatsServer, RunningNats
from lingxi_local.permissions import ROLES
from lingxi_local.ports import LOOPBACK, unused_port as find_unused_port
from tests.fixtures.waiting import eventually

START_SECONDS_MAX = 90.0
STOP_SECONDS_MAX = 60.0
"""Of a process that hangs: one that stops in good order exits with 0, and takes less than ten."""


async def test_it_starts_is_ready_tells_a_lost_connection_and_stops(tmp_path: Path) -> None:
    """Guards what supervision relies on: readiness that looks at NATS, exit code 0 on SIGTERM."""
    passwords = {role.service: "only-for-tests" for role in ROLES}
    server = NatsServer(tmp_path / "nats", find_unused_port(), passwords)
    port = find_unused_port()
    url = f"http://{LOOPBACK}:{port}/health"
    environment = {
        "PATH": "/usr/bin:/bin",
        "NATS_URL": server.url("summarizer"),
        "LINGXI_INTERNAL_PORT": str(port),
    }
    with RunningNats(server, tmp_path / "nats.log") as nats:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "lingxi_summarizer", env=environment, stdout=DEVNULL
        )
        try:
            async with httpx.AsyncClient() as http:

                async def answers(status: int) -> bool:
                    try:
                        return (await http.get(f"{url}/ready")).status_code == status
                    except httpx.TransportError:
                        return False

                await eventually(lambda: answers(200), START_SECONDS_MAX)
                nats.kill()
                await eventually(lambda: answers(503), START_SECONDS_MAX)
                assert (await http.get(f"{url}/live")).status_code == 200
                nats.start()
                await eventually(lambda: answers(200), START_SECONDS_MAX)
            process.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(process.wait(), STOP_SECONDS_MAX) == 0
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
