"""The connection to the provider: what the openai SDK would send, sent with less work.

The SDK says where to ask and with which headers: key, organization, project, its own name. That is
the same for every call, so it is put together once; each call hands its ready-made JSON to the
HTTP client, and the stream's bytes are read as they come. Handing each call to the SDK costs more
than twice the CPU, to its typed resources ten times (`python -m benchmarks.model_calls`), and the
model call is the largest part of a turn's.
"""

import asyncio
import ssl
import urllib.request
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress
from typing import cast

import anyio
import httpx2
import openai
import orjson

from lingxi_chassis.model.errors import ModelFailure, ModelTimeout, ModelUnavailable
from lingxi_chassis.model.failures import failure_of, retry_after_seconds
from lingxi_chassis.model.transport import LeanTransport
from lingxi_chassis.model.tries import Tries

CHAT = b"chat/completions"
EMBEDDINGS = b"embeddings"
MODERATIONS = b"moderations"
CONNECT_SECONDS = 5.0
AFTER_DONE_SECONDS = 0.5
FAILURE_BYTES_MAX = 64 * 1024
FAILURE_SECONDS_MAX = 5.0
"""Of the body that says more of a status: what does not come within these is not missed."""
_EXTENSIONS = {"timeout": httpx2.Timeout(None, connect=CONNECT_SECONDS).as_dict()}
# The last two come through httpx2 unmapped when TLS is cut off.
_BROKEN = (httpx2.RequestError, ssl.SSLError, anyio.EndOfStream)


class Wire:
    """`quiet_seconds` bounds the wait for the first byte and between two."""

    def __init__(self, base_url: str, api_key: str, quiet_seconds: float) -> None:
        self._quiet_seconds = quiet_seconds
        self._client = openai.DefaultAsyncHttpxClient() if proxied(base_url) else _lean_client()
        # Local servers want no key, the SDK wants one.
        sdk = openai.AsyncOpenAI(
            base_url=base_url, api_key=api_key or "none", http_client=self._client
        )
        self._base_url = sdk.base_url
        self._chat_url = self._url_of(CHAT)
        headers = {**sdk.default_headers, **sdk.auth_headers}
        self._headers = httpx2.Headers(
            {name: value for name, value in headers.items() if isinstance(value, str)}
        )

    async def close(self) -> None:
        """Closes the connections; calls in flight fail."""
        await self._client.aclose()

    @asynccontextmanager
    async def opened(
        self, body: bytes, tries: Tries, path: bytes = CHAT
    ) -> AsyncGenerator[httpx2.Response]:
        """A request's response, status 200, unread. Raises ModelFailure."""
        url = self._chat_url if path is CHAT else self._url_of(path)
        request = httpx2.Request(
            "POST", url, headers=self._headers, content=body, extensions=_EXTENSIONS
        )
        try:
            async with self._patience(tries):
                response = await self._client.send(request, stream=True)
        except httpx2.TimeoutException:
            raise ModelTimeout("connecting") from None
        except _BROKEN:
            raise ModelUnavailable("no connection") from None
        try:
            if not response.is_success:
                raise await self._failure(response, tries)
            yield response
        finally:
            await response.aclose()

    def _url_of(self, path: bytes) -> httpx2.URL:
        return self._base_url.copy_with(raw_path=self._base_url.raw_path + path)

    async def _failure(self, response: httpx2.Response, tries: Tries) -> ModelFailure:
        """What a status other than 2xx means. Raises ModelFailure if the connection breaks."""
        said = bytearray()
        try:
            with suppress(TimeoutError):
                async with (
                    asyncio.timeout(min(FAILURE_SECONDS_MAX, tries.seconds_left())),
                    aclosing(response.aiter_bytes()) as parts,
                ):
                    while len(said) < FAILURE_BYTES_MAX and (data := await anext(parts, b"")):
                        said += data
        except _BROKEN:
            raise ModelUnavailable("the connection broke") from None
        wait = retry_after_seconds(response.headers.get("retry-after"))
        return failure_of(response.status_code, _error_in(bytes(said)), wait)

    async def next_bytes(self, parts: AsyncIterator[bytes], tries: Tries) -> bytes:
        """What comes next of a response; nothing at its end. Raises ModelFailure."""
        try:
            async with self._patience(tries):
                return await anext(parts, b"")
        except _BROKEN:
            raise ModelUnavailable("the connection broke") from None

    async def drain(self, parts: AsyncIterator[bytes]) -> None:
        """Waits a moment for the end after the last event, so that the connection can be used
        again; some servers leave the end out."""
        try:
            async with asyncio.timeout(AFTER_DONE_SECONDS):
                async for _ in parts:
                    pass
        except (TimeoutError, *_BROKEN):
            return

    @asynccontextmanager
    async def _patience(self, tries: Tries) -> AsyncGenerator[None]:
        try:
            async with asyncio.timeout(min(self._quiet_seconds, tries.seconds_left())):
                yield
        except TimeoutError:
            raise ModelTimeout from None


def _error_in(body: bytes) -> object:
    """The error that a body tells: the JSON's `error`, the JSON, or else the text."""
    try:
        told: object = orjson.loads(body)
    except orjson.JSONDecodeError:
        return body.decode(errors="replace")
    if not isinstance(told, dict):
        return told
    fields = cast(dict[str, object], told)
    return fields.get("error", fields)


def _lean_client() -> httpx2.AsyncClient:
    return httpx2.AsyncClient(transport=LeanTransport(), follow_redirects=True)


def proxied(base_url: str) -> bool:
    """Whether the system's settings send this URL through a proxy."""
    url = httpx2.URL(base_url)
    proxies = urllib.request.getproxies()
    if url.scheme not in proxies and "all" not in proxies:
        return False
    return not urllib.request.proxy_bypass(url.host)
