"""What every owner of a log runs: pool, connection to NATS, relay, request server, health.

One builder serves the process and its component tests.
"""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from nats.aio.client import Client

from lingxi_chassis.bus import Link, connect, connected
from lingxi_chassis.eventlog.restore import adopt_restored_log
from lingxi_chassis.health import Health, serve_health
from lingxi_chassis.postgres import Pool, fetch_one, measure_pool, open_pool
from lingxi_chassis.process import Stop
from lingxi_chassis.relay import Relay, StreamLimits
from lingxi_chassis.relay.stream import DAY_SECONDS
from lingxi_chassis.revisions import wait_until_migrated
from lingxi_chassis.rpc import RpcClient, RpcServer
from lingxi_chassis.settings import OwnerSettings
from lingxi_chassis.tasks import in_background


@dataclass(frozen=True, slots=True)
class OwnerParts:
    """The plumbing of an owner, ready for its own parts."""

    pool: Pool
    nats: Client
    link: Link
    relay: Relay
    rpc: RpcClient
    server: RpcServer
    health: Health


@asynccontextmanager
async def open_owner(
    owner: str, settings: OwnerSettings, stop: Stop, versions: Path
) -> AsyncGenerator[OwnerParts]:
    """Everything connected and the relay running; left in the reverse order.

    What it takes to get there is waited for, alive and not ready: servers that start too, the
    migrations in `versions`, and the adoption of a restored log, which may take long.

    On leaving: requests under way are answered, then the relay publishes what they appended and
    stops, then connections close.

    Raises:
        ConnectionError: Postgres or NATS does not let us in.
    """
    async with AsyncExitStack() as stack:
        health = Health()
        for part in ("database", "nats", "relay"):
            health.wait_for(part, "not reached yet")
        await stack.enter_async_context(
            serve_health(health, settings.internal_host, settings.internal_port)
        )
        pool = await stack.enter_async_context(open_pool(settings.database_url))
        await wait_until_migrated(pool, versions, partial(health.wait_for, "database"))
        health.wait_for("database", "looked at whether it was restored")
        await adopt_restored_log(pool)
        health.add("database", lambda: _database(pool))
        health.readings.add("pool", lambda: measure_pool(pool))
        link = Link()
        connecting = connect(settings.nats_url, owner, stop.fail, link, settings.nats_tls())
        nats = await stack.enter_async_context(connecting)
        health.add("nats", lambda: connected(nats))
        limits = StreamLimits(
            max_age_seconds=settings.event_retention_days * DAY_SECONDS,
            replicas=settings.nats_stream_replicas,
        )
        relay = Relay(owner, settings.database_url, nats, limits, link)
        health.add("relay", lambda: _relay(relay))
        await stack.enter_async_context(in_background(relay.run(), "relay", stop.fail))
        stack.push_async_callback(relay.finish)
        server = RpcServer(nats, owner)
        stack.push_async_callback(server.finish)
        yield OwnerParts(pool, nats, link, relay, RpcClient(nats), server, health)


async def _database(pool: Pool) -> str | None:
    await fetch_one(pool, "select 1", {})
    return None


async def _relay(relay: Relay) -> str | None:
    return relay.trouble
