"""One HTTP/1.1 client connection: asks, then reads the answer as it comes."""

import asyncio
from typing import cast, override

import httptools
import httpx2

HEAD_BYTES_MAX = 64 * 1024
UNREAD_BYTES_MAX = 256 * 1024
_INFORMATIONAL_MAX = 199

type Head = tuple[int, list[tuple[bytes, bytes]]]


class Connection(asyncio.Protocol):
    """One request at a time: `ask`, then `read` until it returns nothing.

    What is unread is bounded: past `UNREAD_BYTES_MAX` the socket is not read.
    """

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._prepare()
        self._done = True

    def _prepare(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._headers: list[tuple[bytes, bytes]] = []
        self._head_bytes = 0
        self._head: Head | None = None
        self._unread: list[bytes] = []
        self._unread_bytes = 0
        self._paused = False
        self._failed: str | None = None
        self._done = False
        self.answered = False

    @property
    def reusable(self) -> bool:
        """Whether another request may be sent."""
        return self._done and self._failed is None and self._transport is not None

    async def ask(self, request: bytes) -> Head:
        """Sends a request; returns status and headers. Raises httpx2.TransportError."""
        self._prepare()
        if self._transport is None:
            raise httpx2.ReadError("closed")
        self._transport.write(request)
        while self._head is None:
            await self._more()
        return self._head

    async def read(self) -> bytes:
        """The body's next bytes; none at its end. Raises httpx2.TransportError."""
        while not self._unread:
            if self._done:
                return b""
            await self._more()
        data = self._unread[0] if len(self._unread) == 1 else b"".join(self._unread)
        self._unread.clear()
        self._unread_bytes = 0
        if self._paused and self._transport is not None:
            self._paused = False
            self._transport.resume_reading()
        return data

    def abort(self) -> None:
        """Closes the connection at once."""
        if self._transport is not None:
            self._transport.abort()
            self._transport = None

    async def _more(self) -> None:
        if self._failed is not None:
            raise httpx2.RemoteProtocolError(self._failed)
        if self._transport is None:
            raise httpx2.ReadError("the connection broke")
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by inheritance

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if exc is None and self._head is not None and not self._done and self._until_closed():
            self._done = True
        self._wake()

    @override
    def data_received(self, data: bytes) -> None:
        if self._done:
            self.abort()  # bytes nobody asked for
            return
        self.answered = True
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._fail("not HTTP")
        if self._head is None:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES_MAX:
                self._fail("a head too large")
        if self._unread_bytes > UNREAD_BYTES_MAX and not self._paused and self._transport:
            self._paused = True
            self._transport.pause_reading()
        self._wake()

    def _fail(self, why: str) -> None:
        self._failed = why
        self.abort()

    def _until_closed(self) -> bool:
        """Whether only the end of the connection marks the end of the body."""
        names = {name.lower() for name, _ in self._headers}
        return not names & {b"content-length", b"transfer-encoding"}

    def on_header(self, name: bytes, value: bytes) -> None:
        """Called by the parser."""
        self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Called by the parser."""
        if self._done:
            self._fail("a second answer")
        elif self._parser.get_status_code() > _INFORMATIONAL_MAX:
            self._head = (self._parser.get_status_code(), self._headers)

    def on_body(self, body: bytes) -> None:
        """Called by the parser."""
        self._unread.append(body)
        self._unread_bytes += len(body)

    def on_message_complete(self) -> None:
        """Called by the parser."""
        if self._head is None:  # 100 Continue and the like: the answer is still to come
            self._headers = []
            return
        self._done = self._failed is None
        if not self._parser.should_keep_alive():
            self.abort()
