"""How this package starts processes: a command as data, and the options that keep it on a leash.

Every child gets its own session (a Ctrl-C in the terminal reaches the supervisor alone, which then
stops its children in order) and, on Linux, a death signal: when the supervisor is killed -9 the
kernel sends it, so that no process is left behind. Start children from a thread that lives as long
as they shall: the kernel counts the starting thread as the parent.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TypedDict

PR_SET_PDEATHSIG = 1

# Loaded once, before any fork: a child between fork and exec must not import or allocate much.
_libc: ctypes.CDLL | None = ctypes.CDLL(None) if sys.platform == "linux" else None


@dataclass(frozen=True)
class Account:
    """The system account a child runs as."""

    uid: int
    gid: int


@dataclass(frozen=True)
class Command:
    """A process to start. `env` is the whole environment of the child."""

    argv: Sequence[str | Path]
    env: Mapping[str, str]
    cwd: Path | None = None
    account: Account | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    death_signal: signal.Signals = signal.SIGKILL


class ChildOptions(TypedDict):
    """Keyword arguments for `subprocess.Popen` and `asyncio.create_subprocess_exec`."""

    env: dict[str, str]
    cwd: str | None
    stdin: int
    start_new_session: bool
    preexec_fn: Callable[[], None]
    user: int | None
    group: int | None
    extra_groups: list[int] | None


def child_options(command: Command) -> ChildOptions:
    """The options that start `command` as described in the module's docstring."""
    account = command.account
    parent = os.getpid()
    death_signal = int(command.death_signal)

    def leash() -> None:
        if _libc is None:
            return
        _libc.prctl(PR_SET_PDEATHSIG, death_signal)
        if os.getppid() != parent:  # it died before the leash was on
            os.kill(os.getpid(), signal.SIGKILL)

    return ChildOptions(
        env=dict(command.env),
        cwd=None if command.cwd is None else str(command.cwd),
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=leash,
        user=None if account is None else account.uid,
        group=None if account is None else account.gid,
        extra_groups=None if account is None else [],
    )


def spawn(command: Command, output: IO[bytes] | int) -> subprocess.Popen[bytes]:
    """Start `command` without waiting; standard output and error go to `output`."""
    argv = [str(part) for part in command.argv]
    return subprocess.Popen(argv, stdout=output, stderr=subprocess.STDOUT, **child_options(command))


def stop(process: subprocess.Popen[bytes], stop_signal: signal.Signals, wait_seconds: float) -> int:
    """Stop and reap a child: its signal first, SIGKILL after `wait_seconds`. Its exit code."""
    if process.poll() is None:
        process.send_signal(stop_signal)
        with contextlib.suppress(subprocess.TimeoutExpired):
            return process.wait(wait_seconds)
        process.kill()
    return process.wait()


@dataclass(eq=False)  # not frozen: Python itself adds tracebacks and notes to an exception
class StartFailed(Exception):
    """An embedded server did not start."""

    what: str
    reason: str
    log_tail: str = field(default="")

    def __str__(self) -> str:
        tail = f"\n{self.log_tail.strip()}" if self.log_tail.strip() else ""
        return f"{self.what} did not start: {self.reason}{tail}"
