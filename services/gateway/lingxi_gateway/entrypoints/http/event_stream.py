"""Server-sent events: an answer that is written piece by piece until it, or the client, is done.

FastAPI's own support encodes each item anew for each connection, in two tasks with a queue between
them (docs/decisions/0015); here one frame is made once for all connections that get it.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import suppress

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from lingxi_gateway.application.feed import Frame

MEDIA_TYPE = "text/event-stream"
KEEP_ALIVE = b": keep-alive\n\n"
KEEP_ALIVE_SECONDS = 15.0
CHUNK_BYTES = 64 * 1024
HEADERS = {"X-Accel-Buffering": "no"}
"""Proxies of nginx's kind would hold the stream back."""

type Chunks = AsyncGenerator[bytes]


class EventStream(Response):
    """Writes what `chunks` yields. `on_gone`: the client went away; `on_end`: in any case.

    A client that does not read is waited for at most `seconds_max` altogether.
    """

    media_type = MEDIA_TYPE

    def __init__(
        self,
        chunks: Chunks,
        on_gone: Callable[[], None],
        on_end: Callable[[], None],
        seconds_max: float | None = None,
    ) -> None:
        super().__init__(status_code=200, headers=HEADERS)
        del self.headers["content-length"]
        self._chunks = chunks
        self._on_gone = on_gone
        self._on_end = on_end
        self._seconds_max = seconds_max

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Answer."""
        deadline = asyncio.timeout(self._seconds_max)
        watching = asyncio.create_task(self._watch(receive, deadline))
        try:
            async with deadline:
                await self._write(send)
        except TimeoutError:
            pass  # it has gone, or its time is over, whether or not it took everything
        finally:
            watching.cancel()
            with suppress(asyncio.CancelledError):
                await watching
            self._on_end()
            await self._chunks.aclose()

    async def _write(self, send: Send) -> None:
        start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
        await send(start)
        async for chunk in self._chunks:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _watch(self, receive: Receive, deadline: asyncio.Timeout) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._on_gone()
        # Whatever is being read for it is read for nobody.
        deadline.reschedule(asyncio.get_running_loop().time())


def written(frames: Iterable[Frame]) -> bytes:
    """Frames as they go over the wire. Their data is JSON of one line."""
    return b"".join(map(_written, frames))


def _written(frame: Frame) -> bytes:
    head = b"event: " + frame.event.encode()
    if frame.cursor is not None:
        head += b"\nid: " + frame.cursor.encode()
    return head + b"\ndata: " + frame.data + b"\n\n"
