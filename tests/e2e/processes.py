"""What happens to single processes of a system, and how much memory they take."""

import os
import signal
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from tests.fixtures.prerequisites import missing
from tests.fixtures.system import RunningSystem


@contextmanager
def frozen(system: RunningSystem, name: str) -> Generator[None]:
    """A process stands still, as in a long pause; what is sent to it waits."""
    pid = system.pids[name]
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def forget_peak_memory(pid: int) -> None:
    """Measure `peak_memory_bytes` from here on."""
    try:
        Path(f"/proc/{pid}/clear_refs").write_text("5")
    except OSError:
        missing("Linux's /proc, for a process's peak memory")


def peak_memory_bytes(pid: int) -> int:
    """The most a process has had in memory."""
    status = Path(f"/proc/{pid}/status").read_text()
    (line,) = [line for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(line.split()[1]) * 1024
