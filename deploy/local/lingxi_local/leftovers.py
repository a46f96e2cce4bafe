"""Servers left behind by a supervisor that was killed: found by pid file, checked, stopped.

A pid file alone proves nothing, since the number may belong to another process by now. So the
process must also show `marker` (its data directory or configuration file, by its real path) in its
command line, by whichever path that was reached then. The file of a process of ours that does not
end stays: by it the next server refuses to work on the same data.
Call this only while holding the data directory's lock.
"""

import os
import signal
import subprocess
import time
from pathlib import Path

POLL_SECONDS = 0.02


def stop(pid_file: Path, marker: str, stop_signal: signal.Signals, wait_seconds: float) -> None:
    """Stop the process of `pid_file` if it is ours, and remove the file unless it still runs."""
    try:
        pid = int(pid_file.read_text().split()[0])
    except FileNotFoundError:
        return
    except (ValueError, IndexError):
        pid = 0
    if pid > 0 and is_ours(pid, marker):
        _end(pid, marker, stop_signal, wait_seconds)
        if is_ours(pid, marker):
            return
    pid_file.unlink(missing_ok=True)


def is_ours(pid: int, marker: str) -> bool:
    """Whether the process runs and its command line names `marker`."""
    line = command_line(pid)
    return marker in line or any(
        os.path.isabs(part) and os.path.realpath(part) == marker for part in line.split("\0")
    )


def command_line(pid: int) -> str:
    """The command line of a running process, or "" when there is none (a zombie has none).

    On Linux its arguments are apart by NUL.
    """
    if Path("/proc/self/cmdline").exists():
        try:
            return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
        except OSError:
            return ""
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
