"""A relay in a process of its own: `python -m libs.chassis.tests.a_relay <database> <nats>`.

With `hang` after them it stands still for good, once the stream has acknowledged what it published
first and before anything of that is written down.
"""

import asyncio
import sys
from collections.abc import Sequence

from libs.chassis.tests.shelf import OWNER
from lingxi_chassis.bus import connect
from lingxi_chassis.relay import Relay, relay
from lingxi_chassis.relay.publish import FencedPublisher
from lingxi_chassis.relay.rows import LogRow

SILENT_SECONDS_MAX = 2.0
ACKNOWLEDGED = "acknowledged"
"""A line of its own."""


class HangingPublisher(FencedPublisher):
    """Never returns from a publish that went well."""

    async def publish(self, rows: Sequence[LogRow], last_seq: int) -> None:
        await super().publish(rows, last_seq)
        sys.stdout.write(f"{ACKNOWLEDGED}\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


async def main(database_url: str, nats_url: str, hang: str = "") -> None:
    relay.SILENT_SECONDS_MAX = SILENT_SECONDS_MAX
    if hang:
        relay.FencedPublisher = HangingPublisher
    async with connect(nats_url, OWNER) as nats:
        await Relay(OWNER, database_url, nats).run()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
