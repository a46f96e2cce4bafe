"""`python -m lingxi_local` as a process: its messages, its exit codes, what it leaves behind."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lingxi_local.leftovers import command_line
from tests.fixtures.servers import reachable_folder
from tests.fixtures.waiting import eventually

RUN_STUB = Path(__file__).parent / "run_stub.py"
STUBS = Path(__file__).parent / "stubs"
START_SECONDS_MAX = 60
STOP_SECONDS_MAX = 10
END_SECONDS_MAX = 60
"""After that a command hangs, on however busy a machine."""


class Command:
    """The running command; its output is read as it comes."""

    def __init__(self, folder: Path, port: int, **env: str) -> None:
        settings = {"LINGXI_PORT": str(port), "LINGXI_DATA_DIR": "the data", **env}
        self.folder = folder
        self.process = subprocess.Popen(
            [sys.executable, str(RUN_STUB)],
            cwd=folder,
            env={**_without_settings(), "PYTHONPATH": str(STUBS), **settings},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.output = ""
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as stream:
            for line in stream:
                self.output += line

    async def says(self, text: str) -> None:
        """Wait until its output contains `text`."""
        await eventually(
            lambda: text in self.output or self.process.poll() is not None, START_SECONDS_MAX
        )
        assert text in self.output, self.output

    def ends(self) -> int:
        """Wait for its end; the exit code."""
        code = self.process.wait(END_SECONDS_MAX)
        self._reader.join()
        return code

    def children(self) -> list[int]:
        """Process ids of what runs for it."""
        shown = subprocess.run(
            ["ps", "-o", "pid=", "--ppid", str(self.process.pid)],
            capture_output=True,
            text=True,
            check=False,
        )
        return [int(pid) for pid in shown.stdout.split()]


@pytest.fixture
def folder() -> Iterator[Path]:
    with reachable_folder() as made:
        yield made


@pytest.fixture
def started(folder: Path, unused_port: int) -> Iterator[Command]:
    command = Command(folder, unused_port)
    yield command
    command.process.kill()
    command.ends()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_stops_everything_in_time(started: Command, number: signal.Signals) -> None:
    await started.says("Lingxi is ready")
    assert f"data     {started.folder}/the data" in started.output
    assert "model    a simulator, not a real model" in started.output
    pids = started.children()
    assert len(pids) == 4
    begun_at = time.monotonic()
    started.process.send_signal(number)
    assert started.ends() == 0
    assert time.monotonic() - begun_at < STOP_SECONDS_MAX
    assert [pid for pid in pids if _runs(pid)] == []
    assert "crashed" not in started.output


async def test_a_stop_while_starting_leaves_nothing(started: Command) -> None:
    await eventually(lambda: bool(started.children()), START_SECONDS_MAX)
    pids = started.children()
    started.process.send_signal(signal.SIGINT)
    assert started.ends() == 0
    assert [pid for pid in pids if _runs(pid)] == []
    assert "Traceback" not in started.output


async def test_a_killed_supervisor_leaves_nothing_and_the_next_start_works(
    started: Command, unused_port: int
) -> None:
    await started.says("Lingxi is ready")
    pids = started.children()
    started.process.kill()
    started.ends()
    await eventually(lambda: not any(_runs(pid) for pid in pids))
    again = Command(started.folder, unused_port)
    try:
        await again.says("Lingxi is ready")
    finally:
        again.process.terminate()
        assert again.ends() == 0


async def test_a_service_that_will_not_stop_is_cut_off(folder: Path, unused_port: int) -> None:
    command = Command(folder, unused_port, STUB="stubborn")
    try:
        await command.says("Lingxi is ready")
        command.process.send_signal(signal.SIGINT)
        assert command.ends() == 0
    finally:
        command.process.kill()
    assert "gateway did not stop within" in command.output


async def test_a_second_signal_waits_for_nobody(folder: Path, unused_port: int) -> None:
    """Guards that what is cut off stays down: nothing crashed, and nothing is started again."""
    command = Command(folder, unused_port, STUB="stubborn", STUB_STOP_SECONDS=str(STOP_SECONDS_MAX))
    try:
        await command.says("Lingxi is ready")
        pids = command.children()
        command.process.send_signal(signal.SIGINT)
        await command.says("stopping")
        command.process.send_signal(signal.SIGINT)
        assert command.ends() == 0
    finally:
        command.process.kill()
    assert [pid for pid in pids if _runs(pid)] == []
    assert "did not stop within" not in command.output
    assert "crashed" not in command.output


async def test_a_second_start_is_refused(started: Command, unused_port: int) -> None:
    await started.says("Lingxi is ready")
    second = Command(started.folder, unused_port)
    assert second.ends() == 1
    assert f"already runs on {started.folder}/the data: http://127.0.0.1" in second.output
    assert "LINGXI_DATA_DIR" in second.output


def test_a_taken_port_is_named_with_its_setting(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        command = Command(folder, port)
        assert command.ends() == 1
    assert f"Port {port} is taken" in command.output
    assert "LINGXI_PORT" in command.output


def test_a_data_directory_that_is_none_is_named(folder: Path) -> None:
    (folder / "the data").write_text("a file")
    _fails_with_a_line(Command(folder, 0), f"{folder}/the data can't be used", "LINGXI_DATA_DIR")


@pytest.mark.parametrize("text", ["", '["no", "secrets"]', '{"postgres": 5}', "\udcff"])
def test_broken_secrets_are_named(folder: Path, text: str) -> None:
    (folder / "the data").mkdir()
    (folder / "the data" / "secrets.json").write_text(text, errors="surrogateescape")
    _fails_with_a_line(Command(folder, 0), f"{folder}/the data/secrets.json can't be read")


def _fails_with_a_line(command: Command, *words: str) -> None:
    assert command.ends() == 1
    (line,) = command.output.splitlines()
    assert line.startswith("lingxi: ")
    assert all(word in line for word in words), line


def test_a_dotenv_that_is_no_text_is_named(folder: Path) -> None:
    (folder / ".env").write_bytes(b"LINGXI_PORT=\xff")
    _fails_with_a_line(Command(folder, 0), ".env is not UTF-8")


def test_an_unfit_setting_is_named(folder: Path) -> None:
    command = Command(folder, 8000, LINGXI_PORT="many")
    assert command.ends() == 1
    assert "LINGXI_PORT: Input should be a valid integer" in command.output
    assert "Traceback" not in command.output


def _runs(pid: int) -> bool:
    return command_line(pid) != ""


def _without_settings() -> dict[str, str]:
    ours = ("LINGXI_", "OPENAI_", "NATS_", "DATABASE_", "MODEL")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}
