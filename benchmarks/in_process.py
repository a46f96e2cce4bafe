"""The services in this process, on given servers: what they do can be counted exactly here."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import lingxi_agent.bootstrap
import lingxi_agent.settings
import lingxi_chat.bootstrap
import lingxi_chat.settings
import lingxi_gateway.bootstrap
import lingxi_gateway.settings
from lingxi_chassis.process import Stop

NO_LIMITS = {"RATE_LIMIT_PER_USER": 0, "RATE_LIMIT_PER_IP": 0, "LOGIN_RATE_LIMIT": 0}
JWT_SECRET = "only for counting, and long enough for HS256"


@dataclass(frozen=True, slots=True)
class Places:
    """Where the servers are: URLs by service, of databases and of NATS, and the model's settings.

    `nats_admin_url` is of an account that may hear everything.
    """

    databases: Mapping[str, str]
    nats: Mapping[str, str]
    nats_admin_url: str
    model: Mapping[str, str]


@asynccontextmanager
async def running(places: Places) -> AsyncGenerator[int]:
    """Agent, chat and gateway, their databases migrated; the port of the API."""

    def env(service: str, **more: object) -> dict[str, object]:
        return {
            "NATS_URL": places.nats[service],
            "DATABASE_URL": places.databases[service],
            "LINGXI_INTERNAL_PORT": 0,
            **places.model,
            **more,
        }

    agent = lingxi_agent.settings.Settings.model_validate(env("agent"))
    chat = lingxi_chat.settings.Settings.model_validate(env("chat"))
    gateway = lingxi_gateway.settings.Settings.model_validate(
        env("gateway", LINGXI_PORT=0, LINGXI_LOCAL=True, JWT_SECRET=JWT_SECRET, **NO_LIMITS)
    )
    lingxi_agent.bootstrap.migrate(agent)
    lingxi_chat.bootstrap.migrate(chat)
    lingxi_gateway.bootstrap.migrate(gateway)
    stop = Stop()
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(lingxi_agent.bootstrap.start(agent, stop))
        await stack.enter_async_context(lingxi_chat.bootstrap.start(chat, stop))
        yield await stack.enter_async_context(lingxi_gateway.bootstrap.serving(gateway, stop))
    if stop.failed:
        raise RuntimeError("a service failed")
