"""A service of its own for the tests of `process`: `python -m libs.chassis.tests.a_service`."""

import asyncio
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Literal

from pydantic import Field

from lingxi_chassis import bus, process
from lingxi_chassis.process import Stop
from lingxi_chassis.service import open_service
from lingxi_chassis.settings import ServiceSettings
from lingxi_contracts.errors import Unavailable


class Settings(ServiceSettings):
    """How this one misbehaves."""

    mode: Literal["serve", "die", "hang_at_stop", "lose_a_server"] = Field(
        default="serve", alias="MODE"
    )
    patience_seconds: float = Field(default=60.0, alias="PATIENCE_SECONDS")


@asynccontextmanager
async def start(settings: Settings, stop: Stop) -> AsyncGenerator[None]:
    bus.START_SECONDS_MAX = settings.patience_seconds
    async with open_service("clerk", settings, stop):
        if settings.mode == "lose_a_server":
            raise Unavailable
        if settings.mode == "die":
            asyncio.get_running_loop().call_soon(stop.fail)
        if settings.mode == "hang_at_stop":
            process.STOP_SECONDS_MAX = 1.0
        yield
        if settings.mode == "hang_at_stop":
            await asyncio.Event().wait()


def migrate(_: Settings) -> None:
    sys.stdout.write("migrated\n")


if __name__ == "__main__":
    process.main("clerk", Settings, start, migrate)
