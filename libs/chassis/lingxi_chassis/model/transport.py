"""HTTP/1.1 for the openai SDK's client, on asyncio and httptools instead of anyio and h11.

It is what the SDK takes as `http_client`: redirects, decoding and errors stay httpx2's. It halves
the CPU of a streamed reply. It knows what a model call needs and no more: bodies of known length,
no proxies (`wire` leaves those to the SDK's own client), no read timeouts (the caller's), no limit
of connections (the gate's).
"""

import asyncio
import ssl
from collections.abc import AsyncGenerator
from typing import cast, override

import httpx2

from lingxi_chassis.clock import monotonic
from lingxi_chassis.model.connection import Connection

IDLE_CONNECTIONS_MAX = 64
IDLE_SECONDS_MAX = 30.0

type _Origin = tuple[str, str, int]


class LeanTransport(httpx2.AsyncBaseTransport):
    """Keeps connections for the next call; one request at a time on each.

    `tls`: None trusts whom the SDK's own client would trust.
    """

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self._idle: list[tuple[_Origin, float, Connection]] = []
        self._tls = tls

    @override
    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        wire = _encoded(request, await _body(request))
        origin = _origin(request.url)
        while (connection := self._reusable(origin)) is not None:
            try:
                return await self._exchange(connection, origin, wire)
            except httpx2.ReadError:
                # The server closed it while it lay idle, as the request was on its way.
                if connection.answered:
                    raise
        return await self._exchange(await self._connected(origin, request), origin, wire)

    @override
    async def aclose(self) -> None:
        for _, _, connection in self._idle:
            connection.abort()
        self._idle.clear()

    async def _exchange(
        self, connection: Connection, origin: _Origin, wire: bytes
    ) -> httpx2.Response:
        try:
            status, headers = await connection.ask(wire)
        except BaseException:
            connection.abort()
            raise
        return httpx2.Response(status, headers=headers, stream=_Body(self, origin, connection))

    def _reusable(self, origin: _Origin) -> Connection | None:
        oldest = monotonic() - IDLE_SECONDS_MAX
        for at in range(len(self._idle) - 1, -1, -1):
            found, since, connection = self._idle[at]
            if since < oldest or not connection.reusable:
                connection.abort()
                del self._idle[at]
            elif found == origin:
                del self._idle[at]
                return connection
        return None

    def give_back(self, origin: _Origin, connection: Connection) -> None:
        """Keeps a connection whose answer was read to its end; ends any other."""
        if connection.reusable and len(self._idle) < IDLE_CONNECTIONS_MAX:
            self._idle.append((origin, monotonic(), connection))
        else:
            connection.abort()

    async def _connected(self, origin: _Origin, request: httpx2.Request) -> Connection:
        scheme, host, port = origin
        timeouts = cast(dict[str, float | None], request.extensions.get("timeout", {}))
        if scheme == "https" and self._tls is None:
            self._tls = httpx2.create_ssl_context()
        try:
            async with asyncio.timeout(timeouts.get("connect")):
                _, connection = await asyncio.get_running_loop().create_connection(
                    Connection, host, port, ssl=self._tls if scheme == "https" else None
                )
        except TimeoutError:
            raise httpx2.ConnectTimeout("connecting", request=request) from None
        except OSError as error:
            raise httpx2.ConnectError(type(error).__name__, request=request) from None
        return connection


class _Body(httpx2.AsyncByteStream):
    """The rest of an answer; closing it early ends the connection."""

    def __init__(self, owner: LeanTransport, origin: _Origin, connection: Connection) -> None:
        self._owner = owner
        self._origin = origin
        self._connection: Connection | None = connection

    @override
    async def __aiter__(self) -> AsyncGenerator[bytes]:
        while (connection := self._connection) and (data := await connection.read()):
            yield data

    @override
    async def aclose(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            self._owner.give_back(self._origin, connection)


def _origin(url: httpx2.URL) -> _Origin:
    return url.scheme, url.raw_host.decode(), url.port or (443 if url.scheme == "https" else 80)


async def _body(request: httpx2.Request) -> bytes:
    if "transfer-encoding" in request.headers:
        raise httpx2.UnsupportedProtocol("only bodies of known length", request=request)
    stream = cast(httpx2.AsyncByteStream, request.stream)
    return b"".join([part async for part in stream])


def _encoded(request: httpx2.Request, body: bytes) -> bytes:
    lines = [b"%b %b HTTP/1.1" % (request.method.encode(), request.url.raw_path)]
    lines += [b"%b: %b" % header for header in request.headers.raw]
    head = b"\r\n".join(lines)
    # A line break in a value (an API key read from a file, say) would end the head early.
    if head.count(b"\n") != len(lines) - 1 or head.count(b"\r") != len(lines) - 1:
        raise httpx2.LocalProtocolError("a line break in a header", request=request)
    return head + b"\r\n\r\n" + body
