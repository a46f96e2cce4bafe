"""`python -m lingxi_local.demo`, which is what `make demo` runs: starts a system of its own on a
temporary folder, tells the story, and leaves nothing behind. Exit code 0: every step came true, or
the story was told to its end with a real model, which sees things as it likes."""

import asyncio
import contextlib
import io
import shutil
import signal
import sys
import tempfile
from collections.abc import Generator
from pathlib import Path

from lingxi_local.demo.api import Api, ApiFailed
from lingxi_local.demo.story import Story
from lingxi_local.process import StartFailed
from lingxi_local.settings import environment
from lingxi_local.system import LocalSystem

TIME_SCALE = 60
"""A minute of the companion's waiting takes a second."""
LOG_CHARS_MAX = 4_000


async def run() -> int:
    """The exit code."""
    stop_on_signals()
    log = io.StringIO()
    env = {**environment(), "LINGXI_TIME_SCALE": str(TIME_SCALE), "LINGXI_LOG_LEVEL": "warning"}
    with _folder() as folder:
        try:
            async with LocalSystem(folder / "data", env=env, output=log) as system:
                print(f"Lingxi runs. The model: {system.model.description}.")
                simulated = system.model.simulator_url is not None
                story = Story(Api(system.base_url), sys.stdout, simulated=simulated)
                came_true = await asyncio.to_thread(story.tell)
        except (StartFailed, ApiFailed) as failure:
            print(f"demo: {failure}\n{log.getvalue()[-LOG_CHARS_MAX:]}", file=sys.stderr)
            return 1
        except asyncio.CancelledError:
            return 1
    return 1 if simulated and not came_true else 0


def stop_on_signals() -> None:
    """The first signal ends the story; the system is stopped and the folder removed."""
    task = asyncio.current_task()
    assert task is not None
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)


@contextlib.contextmanager
def _folder() -> Generator[Path]:
    """A temporary folder that the account Postgres runs as can enter."""
    folder = Path(tempfile.mkdtemp(prefix="lingxi-demo-"))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(asyncio.run(run()))
