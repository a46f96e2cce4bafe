"""The life of a service process: start, run until told to stop, stop within ten seconds."""

import asyncio
import gc
import signal
import sys
from collections.abc import Callable, Generator
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import Any

import structlog
from pydantic import ValidationError

from lingxi_chassis import tracing
from lingxi_chassis.logs import configure_logs
from lingxi_chassis.settings import ServiceSettings
from lingxi_contracts.errors import Unavailable

STOP_SECONDS_MAX = 9.0
"""A stop that takes longer is cut off: whoever stopped us kills us at ten."""

log = structlog.get_logger(__name__)


class Stop:
    """Asked to stop, by a signal or from within; `failed` makes the exit code 1."""

    def __init__(self) -> None:
        self._asked = asyncio.Event()
        self._starting: asyncio.Task[Any] | None = None
        self.failed = False

    def ask(self) -> None:
        """Stop in good order."""
        self._asked.set()
        if self._starting is not None:
            self._starting.cancel()

    def fail(self) -> None:
        """Stop because the process cannot do its work any more."""
        self.failed = True
        self.ask()

    @contextmanager
    def cutting_short(self) -> Generator[None]:
        """Within this, whoever asks need not wait until the start has waited for its servers."""
        self._starting = asyncio.current_task()
        try:
            yield
        finally:
            self._starting = None

    async def wait(self) -> None:
        """Until somebody asks."""
        await self._asked.wait()


def main[S: ServiceSettings](
    service: str,
    settings_type: type[S],
    start: Callable[[S, Stop], AbstractAsyncContextManager[None]],
    migrate: Callable[[S], None] | None = None,
) -> None:
    """`python -m lingxi_<service> [migrate]`. Exits 0 after a stop, 1 when the start fails."""
    try:
        settings = settings_type()  # pyright: ignore[reportCallIssue] -- from the environment
    except ValidationError as error:
        for problem in error.errors(include_input=False):
            # Of several settings together there is no one place.
            place = "".join(f"setting {name}: " for name in problem["loc"][:1])
            sys.stderr.write(f"{service}: {place}{problem['msg']}\n")
        sys.exit(1)
    configure_logs(service, settings.log_format, settings.log_level)
    if sys.argv[1:] == ["migrate"]:
        if migrate is not None:
            migrate(settings)
        return
    with _traced(service, settings):
        status = _until_stopped(service, settings, start)
    sys.exit(status)


@contextmanager
def _traced(service: str, settings: ServiceSettings) -> Generator[None]:
    """With traces, where they go somewhere."""
    if not settings.otlp_endpoint:
        yield
        return
    from lingxi_chassis.tracing.otel import OtelTracer

    tracer = OtelTracer(service)
    tracing.install(tracer)
    try:
        yield
    finally:
        tracer.close()


def _until_stopped[S: ServiceSettings](
    service: str, settings: S, start: Callable[[S, Stop], AbstractAsyncContextManager[None]]
) -> int:
    if sys.platform == "win32":
        return asyncio.run(_run(service, settings, start))
    import uvloop

    return uvloop.run(_run(service, settings, start))


async def _run[S: ServiceSettings](
    service: str, settings: S, start: Callable[[S, Stop], AbstractAsyncContextManager[None]]
) -> int:
    stop = Stop()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.ask)
    running = start(settings, stop)
    try:
        with stop.cutting_short():
            await running.__aenter__()
    except asyncio.CancelledError:
        log.info("stopped", service=service)
        return 1 if stop.failed else 0
    except Unavailable:
        # Servers are waited for; one that went away after that is an outage, and no fault of ours.
        log.warning("start_broken_off", service=service)
        return 1
    except Exception as error:
        log.error("start_failed", error=f"{type(error).__name__}: {error}")
        log.debug("start_failed_trace", exc_info=True)
        return 1
    log.info("started", service=service)
    # What start-up made lives as long as the process: no collection needs to look at it again.
    gc.collect()
    gc.freeze()
    await stop.wait()
    log.info("stopping", service=service)
    try:
        async with asyncio.timeout(STOP_SECONDS_MAX):
            await running.__aexit__(None, None, None)
    except TimeoutError:
        log.error("stop_cut_off", seconds=STOP_SECONDS_MAX)
        return 1
    log.info("stopped", service=service)
    return 1 if stop.failed else 0
