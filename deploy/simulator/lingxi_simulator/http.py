"""HTTP/1.1 with keep-alive over one asyncio protocol: just enough, and cheap.

A handler gets a `Request` and returns a `Reply` or ready-made bytes (written at once, no task), or
an async iterator of such bytes (written as they come; raising `Cut` breaks the connection).
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import cast
from urllib.parse import parse_qs, urlsplit

import httptools
import orjson

BODY_BYTES_MAX = 8 * 1024 * 1024
PIPELINED_REQUESTS_MAX = 64


class Cut(Exception):
    """The connection is to be broken off here."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request; header names are in lower case."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """One complete answer."""

    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict[str, str])

    def encode(self) -> bytes:
        """The bytes on the wire."""
        extra = "".join(f"{name}: {value}\r\n" for name, value in self.headers.items())
        head = (
            f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}\r\n"
            f"content-type: {self.content_type}\r\ncontent-length: {len(self.body)}\r\n{extra}\r\n"
        )
        return head.encode() + self.body


type Answer = Reply | bytes | AsyncIterator[bytes]
type Handler = Callable[[Request], Answer]

STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n"
    b"cache-control: no-cache\r\ntransfer-encoding: chunked\r\n\r\n"
)
STREAM_END = b"0\r\n\r\n"


def chunk(data: bytes) -> bytes:
    """One HTTP chunk."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def json_reply(value: object, status: int = 200, **headers: str) -> Reply:
    """A JSON answer."""
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return Reply(status, orjson.dumps(value), headers=named)


class HttpProtocol(asyncio.Protocol):
    """One client connection; requests are answered in the order they came."""

    def __init__(self, handler: Handler, connections: set["HttpProtocol"]) -> None:
        self._handler = handler
        self._connections = connections
        self._parser = httptools.HttpRequestParser(self)
        self._waiting: deque[tuple[Request, bool]] = deque()
        self._task: asyncio.Task[None] | None = None
        self._transport: asyncio.Transport | None = None
        self._reset()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by inheritance
        self._connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 -- the protocol's
        self._transport = None
        self._connections.discard(self)
        if self._task is not None:
            self._task.cancel()

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._write(Reply(400, b"bad request", "text/plain").encode(), keep_alive=False)

    def _reset(self) -> None:
        self._url = b""
        self._headers: dict[str, str] = {}
        self._body: list[bytes] = []
        self._body_bytes = 0

    def on_url(self, url: bytes) -> None:
        """Called by the parser."""
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Called by the parser."""
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_body(self, body: bytes) -> None:
        """Called by the parser."""
        self._body_bytes += len(body)
        if self._body_bytes <= BODY_BYTES_MAX:
            self._body.append(body)

    def on_message_complete(self) -> None:
        """Called by the parser."""
        if self._body_bytes > BODY_BYTES_MAX or len(self._waiting) >= PIPELINED_REQUESTS_MAX:
            self._write(Reply(413, b"too large", "text/plain").encode(), keep_alive=False)
            return
        parts = urlsplit(self._url.decode("latin-1"))
        request = Request(
            method=self._parser.get_method().decode(),
            path=parts.path,
            query=parse_qs(parts.query) if parts.query else {},
            headers=self._headers,
            body=self._body[0] if len(self._body) == 1 else b"".join(self._body),
        )
        self._waiting.append((request, self._parser.should_keep_alive()))
        self._reset()
        self._answer_waiting()

    def _answer_waiting(self) -> None:
        while self._waiting and self._task is None:
            request, keep_alive = self._waiting.popleft()
            answer = self._handler(request)
            if isinstance(answer, Reply):
                self._write(answer.encode(), keep_alive)
            elif isinstance(answer, bytes):
                self._write(answer, keep_alive)
            else:
                self._task = asyncio.get_running_loop().create_task(self._play(answer, keep_alive))

    async def _play(self, answer: AsyncIterator[bytes], keep_alive: bool) -> None:
        try:
            async for data in answer:
                self._write(data, keep_alive=True)
        except Cut:
            keep_alive = False
        self._task = None
        self._write(b"", keep_alive)
        self._answer_waiting()

    def _write(self, data: bytes, keep_alive: bool) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        if data:
            self._transport.write(data)
        if not keep_alive:
            self._waiting.clear()
            self._transport.close()

    def close(self) -> None:
        """Ends the connection, whatever it is doing."""
        if self._transport is not None:
            self._transport.abort()
