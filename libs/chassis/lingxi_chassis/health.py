"""Health and metrics of one process, on its internal port.

`/health/live`: the event loop turns. `/health/ready`: every check passes, else 503 with the
reasons. `/metrics`: Prometheus, with what the checks say and with gauges that are read for it.
"""

import asyncio
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager, contextmanager

import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST, Gauge, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from lingxi_chassis.readings import Readings

CHECK_SECONDS_MAX = 2.0
BACKLOG = 2048

type Check = Callable[[], Awaitable[str | None]]
"""Why the service is not ready; None: this part is fine."""

READY = Gauge("lingxi_part_ready", "1: this part of the service is fine, 0: it is not", ["part"])


class Health:
    """The checks of a service, by name, and what is read for its metrics."""

    def __init__(self) -> None:
        self._checks: dict[str, Check] = {}
        self.readings = Readings()

    def add(self, name: str, check: Check) -> None:
        """A part without which the service is not ready."""
        self._checks[name] = check

    def wait_for(self, name: str, why: str) -> None:
        """A part that is not there yet; once it is, `add` takes this place."""

        async def missing() -> str:
            return why

        self.add(name, missing)

    async def reasons(self) -> dict[str, str]:
        """What is wrong, by part; empty: ready."""
        checks = dict(self._checks)  # a service that starts adds to them meanwhile
        found = await asyncio.gather(*(_run(check) for check in checks.values()))
        return {name: why for name, why in zip(checks, found, strict=True) if why}

    async def measure(self) -> None:
        """Bring the gauges up to date."""
        reasons, _ = await asyncio.gather(self.reasons(), self.readings.read())
        for name in self._checks:
            READY.labels(name).set(name not in reasons)


async def _run(check: Check) -> str | None:
    try:
        async with asyncio.timeout(CHECK_SECONDS_MAX):
            return await check()
    except TimeoutError:
        return "no answer in time"
    except Exception as error:  # noqa: BLE001 -- a check that breaks is a reason, whatever broke
        return repr(error)


@asynccontextmanager
async def serve_health(health: Health, host: str, port: int) -> AsyncGenerator[None]:
    """Answer on the internal port while the context is open."""

    async def live(_: Request) -> Response:
        return JSONResponse({"status": "live"})

    async def ready(_: Request) -> Response:
        reasons = await health.reasons()
        status = "ready" if not reasons else "not ready"
        return JSONResponse(
            {"status": status, "reasons": reasons}, status_code=503 if reasons else 200
        )

    async def metrics(_: Request) -> Response:
        await health.measure()
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    app = Starlette(
        routes=[
            Route("/health/live", live),
            Route("/health/ready", ready),
            Route("/metrics", metrics),
        ]
    )
    async with serve_http(app, host, port):
        yield


@asynccontextmanager
async def serve_http(
    app: ASGIApp, host: str, port: int, *, drain_seconds: int = 2
) -> AsyncGenerator[int]:
    """Serve an ASGI app in this event loop; yields the port (0 asks for a free one).

    On leaving, requests get `drain_seconds` to end.

    Raises:
        OSError: the port is taken.
    """
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
        proxy_headers=False,  # whose X-Forwarded-For counts is for the app to say
        timeout_graceful_shutdown=drain_seconds,
    )
    with socket.create_server((host, port), backlog=BACKLOG) as listener:
        server = _Server(config)
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            await serving


class _Server(uvicorn.Server):
    """Uvicorn without its signal handlers: the process has its own (see `process`)."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        yield
