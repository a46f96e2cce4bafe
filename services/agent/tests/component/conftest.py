"""The service as it runs, on real servers, and a client to call it with."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from uuid import UUID

import pytest
from nats.js import JetStreamContext

from lingxi_agent import bootstrap
from lingxi_agent.settings import Settings
from lingxi_chassis.bus import connect
from lingxi_chassis.ids import new_id
from lingxi_chassis.postgres import Pool, open_pool
from lingxi_chassis.process import Stop
from lingxi_chassis.rpc import RpcClient

POOL_SIZE = 2


@dataclass(frozen=True)
class RunningAgent:
    """The running service, seen from outside, and a look into its database."""

    rpc: RpcClient
    js: JetStreamContext
    pool: Pool
    stop: Stop
    settings: Settings


@pytest.fixture
async def agent(database_url: str, nats_url: str, unused_port: int) -> AsyncGenerator[RunningAgent]:
    settings = Settings.model_validate(
        {
            "DATABASE_URL": database_url,
            "NATS_URL": nats_url,
            "LINGXI_INTERNAL_PORT": unused_port,
        }
    )
    bootstrap.migrate(settings)
    stop = Stop()
    async with (
        bootstrap.start(settings, stop),
        connect(nats_url, "tester") as nats,
        open_pool(database_url, POOL_SIZE) as pool,
    ):
        yield RunningAgent(RpcClient(nats), nats.jetstream(), pool, stop, settings)
        assert not stop.failed


@pytest.fixture
def user_id() -> UUID:
    return new_id()
