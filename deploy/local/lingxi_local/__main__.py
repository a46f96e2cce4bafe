"""`python -m lingxi_local`, which is what `make run` runs: Lingxi until Ctrl-C."""

import asyncio
import contextlib
import signal
import sys
from collections.abc import Sequence

from pydantic import ValidationError

from lingxi_local.data_dir import AlreadyRunning, DataUnusable
from lingxi_local.output import BOLD, RESET, Output
from lingxi_local.process import StartFailed
from lingxi_local.services import SERVICES, Service
from lingxi_local.settings import LocalSettings, environment
from lingxi_local.system import LocalSystem, PortTaken
from lingxi_local.web import WebApp, WebNotBuilt


async def run(services: Sequence[Service] = SERVICES, *, builds_web: bool = True) -> int:
    """Run until a signal; the exit code."""
    try:
        env = environment()
        settings = LocalSettings.read(env)
        system = LocalSystem(settings.data_dir, port=settings.port, env=env, services=services)
    except ValidationError as error:
        for problem in error.errors(include_input=False, include_url=False):
            _complain(f"{problem['loc'][0]}: {problem['msg']}")
        return 1
    except UnicodeDecodeError:
        _complain(".env is not UTF-8 text")
        return 1
    asked_to_stop = _stop_signals(system)
    loop = asyncio.get_running_loop()
    started_at = loop.time()
    starting = asyncio.create_task(system.start())
    stopping = asyncio.create_task(asked_to_stop.wait())
    await asyncio.wait([starting, stopping], return_when=asyncio.FIRST_COMPLETED)
    if asked_to_stop.is_set() and not starting.done():
        starting.cancel()
        with contextlib.suppress(asyncio.CancelledError, StartFailed, OSError):
            await starting
        return 0
    try:
        await starting
    except (AlreadyRunning, DataUnusable, PortTaken, StartFailed, OSError) as failure:
        stopping.cancel()
        _complain(str(failure))
        return 1
    building: list[asyncio.Task[None]] = []
    if builds_web:
        building.append(asyncio.create_task(_build_web(WebApp(env), system.output)))
    try:
        _show_banner(system, loop.time() - started_at)
        await stopping
        system.output.line("lingxi", "stopping")
    finally:
        for task in building:
            task.cancel()
        await asyncio.gather(*building, return_exceptions=True)
        await system.stop()
    system.output.line("lingxi", "stopped; the data stays")
    return 0


def _stop_signals(system: LocalSystem) -> asyncio.Event:
    """The first signal asks to stop, a second one doesn't wait for anybody."""
    asked = asyncio.Event()

    def ask() -> None:
        if asked.is_set():
            system.cut_off()
        asked.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, ask)
    return asked


async def _build_web(web: WebApp, output: Output) -> None:
    """Meanwhile everything else runs; what fails is said."""
    try:
        await web.bring_up_to_date(output)
    except (WebNotBuilt, OSError, TimeoutError) as failure:
        for line in f"no web app: {failure}".splitlines():
            output.line("web", line)


def _show_banner(system: LocalSystem, seconds: float) -> None:
    bold, reset = (BOLD, RESET) if sys.stdout.isatty() else ("", "")
    system.output.plain(
        f"\n  {bold}Lingxi is ready{reset} after {seconds:.1f} s\n"
        f"    web app  {system.base_url}\n"
        f"    API      {system.base_url}/api/\n"
        f"    model    {system.model.description}\n"
        f"    data     {' and '.join(map(str, system.data_places))}\n"
        f"  Ctrl-C stops everything; the data stays.\n"
    )


def _complain(text: str) -> None:
    print(f"lingxi: {text}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(asyncio.run(run()))
