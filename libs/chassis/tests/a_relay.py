"""A relay in a process of its own: `python -m libs.chassis.tests.a_relay <database> <nats>`."""

import asyncio
import sys

from libs.chassis.tests.shelf import OWNER
from lingxi_chassis.bus import connect
from lingxi_chassis.relay import Relay, relay

SILENT_SECONDS_MAX = 2.0


async def main(database_url: str, nats_url: str) -> None:
    relay.SILENT_SECONDS_MAX = SILENT_SECONDS_MAX
    async with connect(nats_url, OWNER) as nats:
        await Relay(OWNER, database_url, nats).run()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
