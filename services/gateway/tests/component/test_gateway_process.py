"""The gateway as a process: it starts, stops when told to, and says why when it cannot."""

import asyncio
import os
import signal
import socket
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import httpx
import pytest

from services.gateway.tests.component.running import SECRET
from tests.fixtures.waiting import eventually

STOP_SECONDS_MAX = 60
"""Of a process that hangs: one that stops in good order exits with 0, and takes less than ten."""


@pytest.fixture
def environment(database_url: str, nats_url: str, unused_port: int) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "DATABASE_URL": database_url,
        "NATS_URL": nats_url,
        "LINGXI_LOCAL": "true",
        "JWT_SECRET": SECRET,
        "LINGXI_INTERNAL_PORT": "0",
        "LINGXI_PORT": str(unused_port),
    }


@asynccontextmanager
async def process(environment: dict[str, str], *args: str) -> AsyncGenerator[Process]:
    """`python -m lingxi_gateway`, ended with the context."""
    running = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "lingxi_gateway", *args, env=environment, stdout=PIPE, stderr=PIPE
    )
    try:
        yield running
    finally:
        if running.returncode is None:
            running.kill()
        await running.communicate()


async def ended(environment: dict[str, str], *args: str) -> tuple[int | None, str]:
    """The exit code and what was printed."""
    async with process(environment, *args) as running, asyncio.timeout(90):
        out, err = await running.communicate()
        return running.returncode, (out + err).decode()


async def test_migrate_serve_stop(environment: dict[str, str]) -> None:
    for _ in range(2):
        assert (await ended(environment, "migrate"))[0] == 0
    async with process(environment) as running, httpx.AsyncClient(trust_env=False) as http:
        address = f"http://127.0.0.1:{environment['LINGXI_PORT']}/api/me/"

        async def serves() -> bool:
            assert running.returncode is None
            try:
                return (await http.get(address)).status_code == 401
            except httpx.TransportError:
                return False

        await eventually(serves)
        running.send_signal(signal.SIGTERM)
        async with asyncio.timeout(STOP_SECONDS_MAX):
            assert await running.wait() == 0


@pytest.mark.parametrize("secret", [None, "", "too short", "s" * 31])
async def test_no_start_without_a_good_secret(
    environment: dict[str, str], secret: str | None
) -> None:
    del environment["JWT_SECRET"]
    if secret is not None:
        environment["JWT_SECRET"] = secret
    code, printed = await ended(environment)
    assert code == 1
    assert "JWT_SECRET" in printed
    assert len(printed.splitlines()) == 1
    assert not secret or secret not in printed


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"JWT_SECRET": SECRET}, "JWT_SECRET is for local mode only"),
        ({"JWT_PRIVATE_KEY": "-----BEGIN PRIVATE KEY-----"}, "JWT_PRIVATE_KEY"),
    ],
)
async def test_no_start_without_a_good_key(
    environment: dict[str, str], keys: dict[str, str], says: str
) -> None:
    """Guards what others run: nothing that a laptop does by itself counts there."""
    del environment["JWT_SECRET"], environment["LINGXI_LOCAL"]
    code, printed = await ended(environment | keys)
    assert code == 1
    (failed,) = (line for line in printed.splitlines() if says in line)
    assert not any(value in failed for value in keys.values())
    assert "Traceback" not in printed


async def test_no_start_on_a_taken_port(environment: dict[str, str]) -> None:
    assert (await ended(environment, "migrate"))[0] == 0
    with socket.create_server(("127.0.0.1", int(environment["LINGXI_PORT"]))):
        code, printed = await ended(environment)
    assert code == 1
    failures = [line for line in printed.splitlines() if "start_failed" in line]
    assert len(failures) == 1
    assert "Address already in use" in failures[0]
