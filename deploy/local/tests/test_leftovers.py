"""Processes left behind: which are ours, and what becomes of their pid files."""

import signal
import subprocess
import sys
from collections.abc import Callable, Generator
from pathlib import Path

import pytest

from lingxi_local import leftovers

SLEEP = "import time; print(flush=True); time.sleep(600)"
STOP_SECONDS_MAX = 10.0

type Start = Callable[[Path], subprocess.Popen[bytes]]


@pytest.fixture
def started() -> Generator[Start]:
    """Starts a process that names a path in its command line."""
    processes: list[subprocess.Popen[bytes]] = []

    def start(path: Path) -> subprocess.Popen[bytes]:
        argv = [sys.executable, "-c", SLEEP, str(path)]
        process = subprocess.Popen(argv, stdout=subprocess.PIPE)
        processes.append(process)
        assert process.stdout is not None
        process.stdout.readline()
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def test_a_server_that_reached_its_data_by_another_path_is_ours(
    tmp_path: Path, started: Start
) -> None:
    """Guards the data: two servers on it would be the end of it."""
    (tmp_path / "data").mkdir()
    (tmp_path / "link").symlink_to("data")
    process = started(tmp_path / "link")
    pid_file = tmp_path / "pid"
    pid_file.write_text(f"{process.pid}\n")
    leftovers.stop(pid_file, str(tmp_path / "data"), signal.SIGTERM, STOP_SECONDS_MAX)
    assert process.wait(STOP_SECONDS_MAX) == -signal.SIGTERM
    assert not pid_file.exists()


def test_another_process_by_the_number_of_ours_is_left_alone(
    tmp_path: Path, started: Start
) -> None:
    process = started(tmp_path / "elsewhere")
    pid_file = tmp_path / "pid"
    pid_file.write_text(f"{process.pid}\n")
    leftovers.stop(pid_file, str(tmp_path / "data"), signal.SIGTERM, STOP_SECONDS_MAX)
    assert process.poll() is None
    assert not pid_file.exists()
