"""A lean keep-alive HTTP/1.1 client: the load must not be what is measured."""

import asyncio
from dataclasses import dataclass, field
from typing import Any, Self

import httptools
import orjson

READ_BYTES = 64 * 1024


@dataclass(slots=True)
class _Response:
    """Collects one response, as httptools calls back."""

    body: list[bytes] = field(default_factory=list[bytes])
    complete: bool = False

    def on_body(self, body: bytes) -> None:
        self.body.append(body)

    def on_message_complete(self) -> None:
        self.complete = True


class Client:
    """One connection to one server; requests go one after the other."""

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port
        self.token: str | None = None

    async def __aenter__(self) -> Self:
        await self._connect()
        return self

    async def _connect(self) -> None:
        self._reader, self._writer = await asyncio.open_connection(self._host, self._port)

    async def __aexit__(self, *_: object) -> None:
        self._writer.close()
        await self._writer.wait_closed()

    async def request(
        self, method: str, path: str, json: object = None, request_id: str = ""
    ) -> tuple[int, Any]:
        """Status and parsed JSON body (None if empty)."""
        if self._reader.at_eof():  # the server closed it: nobody asked anything for a while
            self._writer.close()
            await self._connect()
        body = b"" if json is None else orjson.dumps(json)
        head = f"{method} {path} HTTP/1.1\r\nHost: {self._host}:{self._port}\r\n"
        if self.token is not None:
            head += f"Authorization: Bearer {self.token}\r\n"
        if request_id:
            head += f"X-Request-ID: {request_id}\r\n"
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        self._writer.write(head.encode() + body)
        response = _Response()
        parser = httptools.HttpResponseParser(response)
        while not response.complete:
            data = await self._reader.read(READ_BYTES)
            if not data:
                raise ConnectionError("the server closed the connection")
            parser.feed_data(data)
        received = b"".join(response.body)
        return parser.get_status_code(), orjson.loads(received) if received else None
