"""The gateway with its real neighbours in one process: chat, agent, and a model behind HTTP.

They are started once for each test module: its tests share them, and their event loop.
"""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack

import pytest_asyncio

from services.gateway.tests.integration.running import Lingxi, running_lingxi
from tests.fixtures.servers import Servers, clean_nats, fresh_database


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def module_lingxi(servers: Servers) -> AsyncGenerator[Lingxi]:
    async with AsyncExitStack() as stack:
        nats_url = stack.enter_context(clean_nats(servers.nats_url))
        databases = [stack.enter_context(fresh_database(servers.postgres_url)) for _ in range(3)]
        yield await stack.enter_async_context(running_lingxi(nats_url, databases))


@pytest_asyncio.fixture(loop_scope="module")
async def lingxi(module_lingxi: Lingxi) -> AsyncGenerator[Lingxi]:
    """The running services, with a model that does as it is told by this test alone."""
    yield module_lingxi
    module_lingxi.simulator.simulator.faults.remove()
