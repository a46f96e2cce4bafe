"""The one HTTP question this package asks: does that loopback port answer 200?"""

import asyncio
import contextlib

from lingxi_local.ports import LOOPBACK

ANSWER_SECONDS_MAX = 3.0


async def answers(port: int, path: str) -> bool:
    """Whether `GET path` is answered with 200. False for anything else."""
    try:
        async with asyncio.timeout(ANSWER_SECONDS_MAX):
            reader, writer = await asyncio.open_connection(LOOPBACK, port)
            try:
                request = f"GET {path} HTTP/1.1\r\nHost: {LOOPBACK}\r\nConnection: close\r\n\r\n"
                writer.write(request.encode())
                status_line = await reader.readline()
            finally:
                writer.close()
                with contextlib.suppress(OSError):
                    await writer.wait_closed()
    except (OSError, TimeoutError, ValueError):
        return False
    return status_line.split(b" ")[1:2] == [b"200"]
