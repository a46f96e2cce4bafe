"""What a service without a log of its own runs: connection to NATS, requests to owners, health."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from nats.aio.client import Client

from lingxi_chassis.bus import connect, connected
from lingxi_chassis.health import Health, serve_health
from lingxi_chassis.process import Stop
from lingxi_chassis.rpc import RpcClient, RpcServer
from lingxi_chassis.settings import ServiceSettings


@dataclass(frozen=True, slots=True)
class ServiceParts:
    """The plumbing of a service, ready for its own parts."""

    nats: Client
    rpc: RpcClient
    server: RpcServer
    health: Health


@asynccontextmanager
async def open_service(
    service: str, settings: ServiceSettings, stop: Stop
) -> AsyncGenerator[ServiceParts]:
    """Telling its health, and connected; left in the reverse order.

    Raises:
        ConnectionError: NATS does not let us in.
    """
    async with AsyncExitStack() as stack:
        health = Health()
        health.wait_for("nats", "not reached yet")
        await stack.enter_async_context(
            serve_health(health, settings.internal_host, settings.internal_port)
        )
        connecting = connect(settings.nats_url, service, stop.fail, tls=settings.nats_tls())
        nats = await stack.enter_async_context(connecting)
        health.add("nats", lambda: connected(nats))
        server = RpcServer(nats, service)
        stack.push_async_callback(server.finish)
        yield ServiceParts(nats, RpcClient(nats), server, health)
