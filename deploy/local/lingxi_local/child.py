"""One supervised process: started, waited for, started again when it ends by itself, stopped.

A child that ends is named with its exit code and started again after a growing pause; so is one
that cannot be started at the moment. One that never was ready and ends `STARTS_MAX` times in a row
is given up: it cannot work as it is set up.
"""

import asyncio
import collections
import contextlib
import signal
import subprocess
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from lingxi_local.output import Lines, Output
from lingxi_local.process import Command, StartFailed, child_options

PAUSE_SECONDS_MIN = 0.25
PAUSE_SECONDS_MAX = 10.0
# Up for this long: the next crash is a new story, and its first pause is short again.
STEADY_SECONDS = 30.0
STARTS_MAX = 4
READY_POLL_SECONDS = 0.05
LAST_LINES_SECONDS_MAX = 0.5
READ_BYTES_MAX = 64 * 1024
# Lines not worth showing are shown after all when the child crashes: the newest of them.
HIDDEN_LINES_MAX = 20


@dataclass(frozen=True)
class Recipe:
    """How to run a child.

    `ready` answers at any time and quickly; `shows` says which of its lines are worth showing.
    """

    name: str
    command: Command
    ready: Callable[[], Awaitable[bool]]
    stop_seconds_max: float
    shows: Callable[[str], bool] = lambda _: True


class Child:
    """A running `Recipe`. Start it from the thread that lives as long as the child shall."""

    def __init__(self, recipe: Recipe, output: Output) -> None:
        self.recipe = recipe
        self.crashes = 0
        self._output = output
        self._hidden: collections.deque[str] = collections.deque(maxlen=HIDDEN_LINES_MAX)
        self._process: asyncio.subprocess.Process | None = None
        self._not_started = ""
        self._keeper: asyncio.Task[None] | None = None
        self._was_ready = False
        self._stopping = False
        self._restarting = False
        self._started = asyncio.Event()

    @property
    def pid(self) -> int | None:
        """Its process id, or None between two lives."""
        running = self._process is not None and self._process.returncode is None
        return self._process.pid if running and self._process is not None else None

    async def start(self) -> None:
        """Start it; returns at once. `wait_ready` tells when it works."""
        await self._spawn()
        self._keeper = asyncio.create_task(self._keep(), name=f"keep-{self.recipe.name}")

    async def wait_ready(self, seconds_max: float) -> None:
        """Wait until it is ready. Raises `StartFailed` when it is given up or takes too long."""
        try:
            async with asyncio.timeout(seconds_max):
                while self.pid is None or not await self.recipe.ready():
                    if self._keeper is not None and self._keeper.done():
                        await self._keeper
                    await asyncio.sleep(READY_POLL_SECONDS)
        except TimeoutError:
            raise StartFailed(self.recipe.name, f"not ready after {seconds_max:g} s") from None
        self._was_ready = True

    async def restart(self) -> None:
        """Stop it gracefully and start it again. Its readiness is waited for elsewhere."""
        assert self._keeper is not None
        self._started.clear()
        self._restarting = self.pid is not None
        await self._end(self.recipe.stop_seconds_max)
        started = asyncio.create_task(self._started.wait())
        await asyncio.wait([started, self._keeper], return_when=asyncio.FIRST_COMPLETED)
        started.cancel()

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal, if it runs."""
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)

    def cut_off(self) -> None:
        """End it at once and for good; `stop` then has nothing to wait for."""
        self._stopping = True
        self.signal(signal.SIGKILL)

    async def stop(self, seconds_max: float | None = None) -> None:
        """Stop it for good: its signal first, SIGKILL after its time. Repeatable."""
        self._stopping = True
        runs = self.pid is not None
        await self._end(self.recipe.stop_seconds_max if seconds_max is None else seconds_max)
        if self._keeper is None:
            return
        if runs:  # its last lines are still on their way
            await asyncio.wait([self._keeper], timeout=LAST_LINES_SECONDS_MAX)
        self._keeper.cancel()
        with contextlib.suppress(asyncio.CancelledError, StartFailed):
            await self._keeper

    async def _spawn(self) -> None:
        """Start it. Where the system does not let us, that is a crash like another."""
        command = self.recipe.command
        argv = [str(part) for part in command.argv]
        try:
            self._process = await asyncio.create_subprocess_exec(
                *argv,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                **child_options(command),
            )
        except (OSError, subprocess.SubprocessError) as error:
            self._process = None
            self._not_started = f"not started: {error}"
        self._started.set()

    async def _keep(self) -> None:
        loop = asyncio.get_running_loop()
        pause_seconds = PAUSE_SECONDS_MIN
        while True:
            started_at = loop.time()
            code = await self._live()
            if self._stopping:
                return
            if self._restarting:
                self._restarting = False
                await self._spawn()
                continue
            self.crashes += 1
            how = self._not_started if code is None else _how(code)
            if code is not None and code >= 0:  # it ended by itself, and may have said why
                self._show_hidden()
            if loop.time() - started_at > STEADY_SECONDS:
                pause_seconds = PAUSE_SECONDS_MIN
            if not self._was_ready and self.crashes >= STARTS_MAX:
                raise StartFailed(self.recipe.name, f"it ended {STARTS_MAX} times, {how}")
            self._say(f"{self.recipe.name} crashed ({how}); again in {pause_seconds:g} s")
            await asyncio.sleep(pause_seconds)
            if self._stopping:
                return
            pause_seconds = min(pause_seconds * 2, PAUSE_SECONDS_MAX)
            await self._spawn()

    async def _live(self) -> int | None:
        """Pass its lines on until it ends; its exit code, None if it was not even started."""
        process = self._process
        if process is None:
            return None
        assert process.stdout is not None
        lines = Lines()
        while data := await process.stdout.read(READ_BYTES_MAX):
            self._show(lines.feed(data))
        self._show(lines.end())
        return await process.wait()

    async def _end(self, seconds_max: float) -> None:
        process = self._process
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(self.recipe.command.stop_signal)
        try:
            async with asyncio.timeout(seconds_max):
                await process.wait()
        except TimeoutError:
            self._say(f"{self.recipe.name} did not stop within {seconds_max:g} s; killed")
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    def _show(self, lines: list[str]) -> None:
        for line in lines:
            if self.recipe.shows(line):
                self._output.line(self.recipe.name, line)
            else:
                self._hidden.append(line)

    def _show_hidden(self) -> None:
        for line in self._hidden:
            self._output.line(self.recipe.name, line)
        self._hidden.clear()

    def _say(self, text: str) -> None:
        self._output.line("lingxi", text)


async def run_once(name: str, command: Command, output: Output) -> None:
    """Run a process to its end, its lines shown. Raises `StartFailed` unless it exits with 0."""
    process = await asyncio.create_subprocess_exec(
        *(str(part) for part in command.argv),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        **child_options(command),
    )
    assert process.stdout is not None
    lines = Lines()
    try:
        while data := await process.stdout.read(READ_BYTES_MAX):
            for line in lines.feed(data):
                output.line(name, line)
        code = await process.wait()
    except asyncio.CancelledError:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()
        raise
    if code != 0:
        raise StartFailed(name, f"{' '.join(map(str, command.argv[1:]))}: {_how(code)}")


def _how(code: int) -> str:
    if code < 0:
        return f"killed by {signal.Signals(-code).name}"
    return f"exit code {code}"
