"""Settings -> a running scheduler; the only file that sees every floor."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from lingxi_chassis.operations import serve_status
from lingxi_chassis.process import Stop
from lingxi_chassis.service import open_service
from lingxi_scheduler.settings import Settings

SERVICE = "scheduler"


@asynccontextmanager
async def start(settings: Settings, stop: Stop) -> AsyncGenerator[None]:
    """Connected, healthy and supervised while the context is open."""
    async with open_service(SERVICE, settings, stop) as parts:
        await serve_status(parts.server, parts.health)
        yield
