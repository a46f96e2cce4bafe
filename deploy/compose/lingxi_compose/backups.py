"""Backup while it runs, and restore into an installation without data.

A backup is a folder with one dump an owner's database. JetStream is not in it: each owner fills its
stream again from its log. The databases are dumped one after the other, the gateway's first: an
account may then lack what it did during the backup, never the other way round. Secrets are not in
it either: a restore makes the roles with those of the installation it goes to.
"""

import time
from collections.abc import Mapping
from pathlib import Path

from lingxi_compose.engine import HERE, compose
from lingxi_compose.installation import OWNERS

FOLDER = HERE / "backups"


class NoBackup(Exception):
    """The folder holds no backup."""


def backup(read: Mapping[str, str], folder: Path | None = None) -> Path:
    """Dump every owner's database into a new folder, and return it."""
    target = folder or FOLDER / time.strftime("%Y%m%d-%H%M%S", time.gmtime())
    target.mkdir(mode=0o700, parents=True)
    for owner in OWNERS:
        with (target / f"{owner}.dump").open("wb") as file:
            compose(read, "exec", "-T", "postgres", "pg_dump", "-U", "postgres", "-Fc",
                     "--no-owner", f"lingxi_{owner}", stdout=file)  # fmt: skip
    return target


def restore(read: Mapping[str, str], folder: Path) -> None:
    """Fill empty databases from a backup. Migrations go on from there at the next `up`."""
    dumps = {owner: folder / f"{owner}.dump" for owner in OWNERS}
    if not all(dump.exists() for dump in dumps.values()):
        raise NoBackup(str(folder))
    compose(read, "up", "-d", "--wait", "postgres")
    # The roles and databases, with empty tables that the dump replaces.
    compose(read, "run", "--rm", "migrate")
    for owner, dump in dumps.items():
        with dump.open("rb") as file:
            compose(read, "exec", "-T", "postgres", "pg_restore", "-U", "postgres", "--clean",
                     "--if-exists", "--no-owner", f"--role=lingxi_{owner}", "--exit-on-error",
                     "-d", f"lingxi_{owner}", stdin=file)  # fmt: skip
