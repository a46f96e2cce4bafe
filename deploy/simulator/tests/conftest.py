"""The simulator as a fixture."""

from collections.abc import AsyncIterator

import httpx
import pytest

from deploy.simulator.tests.harness import Asker
from lingxi_simulator.server import start


@pytest.fixture
async def simulator() -> AsyncIterator[Asker]:
    running = await start()
    async with httpx.AsyncClient(base_url=running.url, timeout=5.0, trust_env=False) as http:
        yield Asker(running, http)
    await running.close()
