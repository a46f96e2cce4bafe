"""The connection to NATS: one a process, for request/reply, relay, live frames and the tail.

It reconnects for ever. A connection that is closed all the same ends the process: a service that
cannot hear is worse than one that is restarted.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from ssl import SSLContext
from urllib.parse import unquote, urlsplit

import structlog
from nats.aio.client import Client
from nats.errors import Error as NatsError

from lingxi_chassis.tls import new_client

CONNECT_SECONDS_MAX = 2
START_SECONDS_MAX = 60.0
"""Until the first connection stands, for whoever starts all at once starts NATS too; the library
itself would try for ever."""
RECONNECT_WAIT_SECONDS = 0.25
PING_INTERVAL_SECONDS = 10
PENDING_BYTES_MAX = 16 * 1024 * 1024

log = structlog.get_logger(__name__)


class Link:
    """Tells whoever wants to know, at once, that the connection is lost and that it is back."""

    def __init__(self) -> None:
        self._watchers: list[tuple[Callable[[], None], Callable[[], None]]] = []

    def watch(self, lost: Callable[[], None], back: Callable[[], None]) -> None:
        """Call one of these at each change from now on."""
        self._watchers.append((lost, back))

    def lost(self) -> None:
        """The connection has gone; another one is tried for."""
        for lost, _ in self._watchers:
            _tell(lost)

    def back(self) -> None:
        """There is a connection again."""
        for _, back in self._watchers:
            _tell(back)


def _tell(watcher: Callable[[], None]) -> None:
    """One that raises keeps neither the others from it nor the connection from coming back: the
    library tells us from within the task that reconnects."""
    try:
        watcher()
    except Exception:
        log.exception("nats_watcher_failed")


class _Told:
    """What the library tells of a connection, and to whom it is handed on."""

    def __init__(self, on_closed: Callable[[], None], link: Link) -> None:
        self._on_closed = on_closed
        self._link = link
        self.leaving = False
        self.last_error = "no answer"

    async def closed(self) -> None:
        if not self.leaving:
            log.error("nats_closed")
            self._on_closed()

    async def disconnected(self) -> None:
        if not self.leaving:
            log.warning("nats_disconnected")
            self._link.lost()

    async def reconnected(self) -> None:
        log.info("nats_reconnected")
        self._link.back()

    async def failed(self, error: Exception) -> None:
        self.last_error = repr(error)
        log.warning("nats_error", error=self.last_error)


@asynccontextmanager
async def connect(
    url: str,
    service: str,
    on_closed: Callable[[], None] = lambda: None,
    link: Link | None = None,
    tls: SSLContext | None = None,
) -> AsyncGenerator[Client]:
    """A connected client with the service's own inbox prefix.

    `url`: of a server, or of several of one cluster, separated by commas, with the same user.
    `on_closed`: it is lost for good. `link` is told of losses that it gets over. `tls`: how to
    know the servers; with it, or at `tls://`, never without TLS.

    Raises:
        ConnectionError: no server lets us in within `START_SECONDS_MAX`; says the last reason.
    """
    told = _Told(on_closed, link or Link())
    client = await _connected(url, service, told, tls)
    try:
        yield client
    finally:
        told.leaving = True
        try:
            await client.drain()
        except (NatsError, TimeoutError):
            await client.close()


async def _connected(url: str, service: str, told: _Told, tls: SSLContext | None) -> Client:
    """Raises ConnectionError as `connect` does."""
    urls = url.split(",")
    user, password = _credentials(urls[0])
    client, secured = new_client(url, tls)
    try:
        async with asyncio.timeout(START_SECONDS_MAX):
            await client.connect(
                urls,
                user=user,
                password=password,
                name=f"lingxi-{service}",
                inbox_prefix=f"_INBOX_{service}".encode(),
                connect_timeout=CONNECT_SECONDS_MAX,
                # Its annotation says whole seconds; any do.
                reconnect_time_wait=RECONNECT_WAIT_SECONDS,  # pyright: ignore[reportArgumentType]
                max_reconnect_attempts=-1,
                ping_interval=PING_INTERVAL_SECONDS,
                pending_size=PENDING_BYTES_MAX,
                closed_cb=told.closed,
                disconnected_cb=told.disconnected,
                reconnected_cb=told.reconnected,
                error_cb=told.failed,
                **secured,
            )
    except TimeoutError as error:
        raise ConnectionError(f"NATS lets us in nowhere: {told.last_error}") from error
    return client


def _credentials(url: str) -> tuple[str | None, str | None]:
    """User and password of a URL. The library itself takes them to that server alone, and none to
    the others of its cluster that it is told of."""
    parts = urlsplit(url)
    if parts.username is None or parts.password is None:
        return None, None
    return unquote(parts.username), unquote(parts.password)


async def connected(client: Client) -> str | None:
    """For `Health.add`: whether there is a connection right now."""
    return None if client.is_connected else "not connected"
