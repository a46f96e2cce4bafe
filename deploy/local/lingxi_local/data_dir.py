"""The data directory: one installation's data, secrets and lock.

Held by one supervisor at a time, by a lock the kernel releases when its holder dies.
"""

import fcntl
import json
import os
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

SECRET_BYTES = 32
_SECRETS = TypeAdapter(dict[str, str])


class AlreadyRunning(Exception):
    """Another supervisor runs on this data directory."""


class DataUnusable(Exception):
    """What is to hold the data, or does, can't be used: the message says what and why."""


class DataDir:
    """An open, locked data directory. `close()` frees it."""

    def __init__(self, path: Path) -> None:
        """Make the directory if need be, and take it.

        Raises:
            AlreadyRunning: someone else holds it; the message says who.
            DataUnusable
        """
        # One name by whichever way it is reached: a server left behind is known by it.
        self.path = path.resolve()
        try:
            # Root's Postgres runs as another account, which must pass through; the secrets inside
            # are readable by the owner alone all the same.
            mode = 0o711 if os.geteuid() == 0 else 0o700
            self.path.mkdir(mode=mode, parents=True, exist_ok=True)
            self._lock = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise DataUnusable(
                f"the data directory {self.path} can't be used: {error.strerror}. LINGXI_DATA_DIR"
                " names another one."
            ) from None
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(self._lock, 1000, 0).decode().strip() or "another process"
            os.close(self._lock)
            raise AlreadyRunning(
                f"Lingxi already runs on {self.path}: {holder}. Stop it first, or set "
                "LINGXI_DATA_DIR (and LINGXI_PORT) to run a second one."
            ) from None
        self.describe_holder(f"process {os.getpid()}")

    def describe_holder(self, text: str) -> None:
        """What a second start is told about us."""
        os.ftruncate(self._lock, 0)
        os.pwrite(self._lock, f"{text}\n".encode(), 0)

    def close(self) -> None:
        """Free the directory. Repeatable."""
        if self._lock >= 0:
            os.ftruncate(self._lock, 0)
            os.close(self._lock)
            self._lock = -1


@dataclass(frozen=True)
class Secrets:
    """Generated once an installation; kept in `secrets.json`, mode 0600."""

    values: dict[str, str]

    @classmethod
    def open(cls, data_dir: Path, names: Iterable[str]) -> "Secrets":
        """The secrets of these names; missing ones are made and written before they are used.

        Raises:
            DataUnusable: there is a file, and not one of ours. The databases know what was in it.
        """
        path = data_dir / "secrets.json"
        try:
            values = _SECRETS.validate_json(path.read_bytes())
        except FileNotFoundError:
            values = {}
        except (OSError, ValidationError):
            raise DataUnusable(
                f"{path} can't be read, and holds the passwords of the data beside it: bring it"
                " back from a backup."
            ) from None
        missing = [name for name in names if name not in values]
        if missing:
            values |= {name: secrets.token_urlsafe(SECRET_BYTES) for name in missing}
            replace_private(path, json.dumps(values, indent=2) + "\n")
        return cls(values)

    def __getitem__(self, name: str) -> str:
        return self.values[name]


def replace_private(path: Path, text: str) -> None:
    """Write a file that its owner alone may read; all of it or nothing, also after a crash."""
    unfinished = path.with_name(path.name + ".new")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(descriptor)
    unfinished.replace(path)
