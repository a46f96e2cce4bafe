"""Running gateways for component tests."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack

import pytest

from lingxi_chassis import migrations
from lingxi_gateway import bootstrap
from services.gateway.tests.component.running import (
    RunningGateway,
    StartGateway,
    running_gateway,
)


@pytest.fixture
async def start_gateway(database_url: str, nats_url: str) -> AsyncGenerator[StartGateway]:
    """Starts gateways on one database, each with settings of its own; they stop with the test."""
    migrations.migrate(database_url, bootstrap.VERSIONS)
    async with AsyncExitStack() as stack:

        async def start(**settings: object) -> RunningGateway:
            servers = {"DATABASE_URL": database_url, "NATS_URL": nats_url}
            return await stack.enter_async_context(running_gateway(**servers, **settings))

        yield start


@pytest.fixture
async def gateway(start_gateway: StartGateway) -> RunningGateway:
    """One gateway without limits."""
    return await start_gateway()
