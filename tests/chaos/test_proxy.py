"""A slow link: both sides are heard later, in order."""

import asyncio
from time import monotonic

from lingxi_local.ports import LOOPBACK
from tests.fixtures.proxy import proxy_to

DELAY_SECONDS = 0.05
SAID = b"one two three"


async def test_a_slow_link_delays_both_directions_and_keeps_the_order() -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in SAID:
            writer.write(await reader.readexactly(1))
        writer.close()

    server = await asyncio.start_server(echo, LOOPBACK, 0)
    async with server, proxy_to(server.sockets[0].getsockname()[1]) as link:
        asked: list[float] = []

        def delay() -> float:
            asked.append(DELAY_SECONDS)
            return DELAY_SECONDS

        link.delay_seconds = delay
        reader, writer = await asyncio.open_connection(LOOPBACK, link.port)
        began = monotonic()
        for byte in SAID:
            writer.write(bytes([byte]))
        assert await reader.readexactly(1) == SAID[:1]
        assert monotonic() - began >= 2 * DELAY_SECONDS
        link.delay_seconds = None
        assert await reader.readexactly(len(SAID) - 1) == SAID[1:]
        writer.close()
    assert len(asked) >= 2
