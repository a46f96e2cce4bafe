"""The connection to the provider: the openai SDK's client, used below its typed resources.

The SDK builds the request, authenticates, pools connections and names the errors; we hand it
ready-made JSON and read the stream's bytes ourselves. Building and parsing through its typed
resources costs six to eleven times the CPU (`python -m benchmarks.model_calls`), and the model call
is the largest part of a turn's.
"""

import asyncio
import ssl
import urllib.request
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager

import anyio
import httpx2
import openai

from lingxi_chassis.model.errors import ModelTimeout, ModelUnavailable
from lingxi_chassis.model.failures import failure_of, retry_after_seconds
from lingxi_chassis.model.transport import LeanTransport
from lingxi_chassis.model.tries import Tries

CONNECT_SECONDS = 5.0
AFTER_DONE_SECONDS = 0.5
# A request with this header gets its response unread, as `with_streaming_response` does.
_HEADERS = {"X-Stainless-Raw-Response": "stream", "Content-Type": "application/json"}
# The last two come through httpx2 unmapped when TLS is cut off.
_BROKEN = (httpx2.RequestError, ssl.SSLError, anyio.EndOfStream)


class Wire:
    """`quiet_seconds` bounds the wait for the first byte and between two."""

    def __init__(self, base_url: str, api_key: str, quiet_seconds: float) -> None:
        self._quiet_seconds = quiet_seconds
        self._sdk = openai.AsyncOpenAI(
            base_url=base_url,
            api_key=api_key or "none",  # local servers want none, the SDK wants one
            max_retries=0,  # `tries` knows the budget and the deadline
            timeout=httpx2.Timeout(None, connect=CONNECT_SECONDS),
            http_client=None if proxied(base_url) else _lean_client(),
        )

    async def close(self) -> None:
        """Closes the connections; calls in flight fail."""
        await self._sdk.close()

    @asynccontextmanager
    async def opened(self, body: bytes, tries: Tries) -> AsyncGenerator[httpx2.Response]:
        """A chat request's response, status 200, unread. Raises ModelFailure."""
        try:
            async with self._patience(tries):
                response = await self._sdk.post(
                    "/chat/completions",
                    cast_to=httpx2.Response,
                    content=body,
                    options={"headers": _HEADERS},
                )
        except openai.APIStatusError as error:
            wait = retry_after_seconds(error.response.headers.get("retry-after"))
            raise failure_of(error.status_code, error.body, wait) from None
        except openai.APITimeoutError:
            raise ModelTimeout("connecting") from None
        except openai.APIConnectionError:
            raise ModelUnavailable("no connection") from None
        try:
            yield response
        finally:
            await response.aclose()

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


def _lean_client() -> httpx2.AsyncClient:
    return httpx2.AsyncClient(transport=LeanTransport(), follow_redirects=True)


def proxied(base_url: str) -> bool:
    """Whether the system's settings send this URL through a proxy."""
    url = httpx2.URL(base_url)
    proxies = urllib.request.getproxies()
    if url.scheme not in proxies and "all" not in proxies:
        return False
    return not urllib.request.proxy_bypass(url.host)
