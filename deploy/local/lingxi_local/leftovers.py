"""Servers left behind by a supervisor that was killed: found by pid file, checked, stopped.

A pid file alone proves nothing, since the number may belong to another process by now. So the
process must also show `marker` (its data directory or configuration file) in its command line.
Call this only while holding the data directory's lock.
"""

import os
import signal
import subprocess
import time
from pathlib import Path

POLL_SECONDS = 0.02


def stop(pid_file: Path, marker: str, stop_signal: signal.Signals, wait_seconds: float) -> None:
    """Stop the process of `pid_file` if it is ours, then remove the file."""
    try:
        pid = int(pid_file.read_text().split()[0])
    except FileNotFoundError:
        return
    except (ValueError, IndexError):
        pid = 0
    if pid > 0 and is_ours(pid, marker):
        _end(pid, marker, stop_signal, wait_seconds)
    pid_file.unlink(missing_ok=True)


def is_ours(pid: int, marker: str) -> bool:
    """Whether the process runs and its command line contains `marker`."""
    return marker in command_line(pid)


def command_line(pid: int) -> str:
    """The command line of a running process, or "" when there is none (a zombie has none)."""
    if Path("/proc/self/cmdline").exists():
        try:
            shown = Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            return ""
        return shown.replace(b"\0", b" ").decode(errors="replace")
    return subprocess.run(
        ["ps", "-ww", "-o", "command=", "-p", str(pid)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    ).stdout


def _end(pid: int, marker: str, stop_signal: signal.Signals, wait_seconds: float) -> None:
    for number in (stop_signal, signal.SIGKILL):
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return
        deadline = time.monotonic() + wait_seconds
        while time.monotonic() < deadline:
            if not is_ours(pid, marker):
                return
            time.sleep(POLL_SECONDS)
