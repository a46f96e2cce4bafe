"""Backup while it runs, and restore into an installation without data.

A backup is a folder with one dump an owner's database. JetStream is not in it: each owner fills its
stream again from its log. Secrets are not in it either: a restore makes the roles with those of the
installation it goes to.

Invariants:

1. Who hears an owner is dumped before it, the gateway last: what an owner did during the backup its
   restored log says again, and whoever was dumped before it hears of it (docs/decisions/0028).
2. A folder has its name once all of it is written: what was broken off is `<name>.partial`.
3. A restore changes nothing where anything runs, or where any owner has events.
4. A database is restored as the dump has it or not at all; migrations come afterwards.
"""

import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from lingxi_compose.choices import Refused
from lingxi_compose.engine import HERE, ask, compose
from lingxi_local.permissions import ROLES

FOLDER = HERE / "backups"
ORDER = ("scheduler", "chat", "agent", "gateway")
PARTIAL = ".partial"


def backup(read: Mapping[str, str], folder: Path | None = None) -> Path:
    """Dump every owner's database into a new folder, and return it. Raises CalledProcessError."""
    target = folder or FOLDER / time.strftime("%Y%m%d-%H%M%S", time.gmtime())
    partial = target.with_name(target.name + PARTIAL)
    partial.mkdir(mode=0o700, parents=True)
    for owner in ORDER:
        with (partial / f"{owner}.dump").open("wb") as file:
            compose(read, "exec", "-T", "postgres", "pg_dump", "-U", "postgres", "-Fc",
                     "--no-owner", f"lingxi_{owner}", stdout=file)  # fmt: skip
    return partial.rename(target)


def restore(read: Mapping[str, str], folder: Path) -> None:
    """Fill databases without events from a backup. Migrations go on from there at the next `up`.

    Raises:
        Refused: there is no backup, or something that would be lost.
        CalledProcessError: a step failed; there is no event in any database.
    """
    dumps = {owner: folder / f"{owner}.dump" for owner in ORDER}
    if folder.name.endswith(PARTIAL) or not all(dump.exists() for dump in dumps.values()):
        raise Refused(f"no backup in {folder}")
    running = ask(read, "ps", "--services", "--status", "running").split()
    if services := [role.service for role in ROLES if role.service in running]:
        raise Refused(f"{', '.join(services)}: running; a restore is for an installation that "
                      "has no data and is down")  # fmt: skip
    compose(read, "up", "-d", "--wait", "postgres")
    if owners := [owner for owner in ORDER if _has_events(read, owner)]:
        raise Refused(f"{', '.join(owners)}: there are events already; to give up all that is here,"
                      " ask for `make down ARGS=-v` first")  # fmt: skip
    try:
        _drop(read)  # tables of today, which the dump's migrations would find in their way
        compose(read, "run", "--rm", "migrate", "python", "-m", "lingxi_local.migrate_all",
                "databases")  # fmt: skip
        for owner, dump in dumps.items():
            with dump.open("rb") as file:
                # Comments are an extension's, which is not the role's.
                compose(read, "exec", "-T", "postgres", "pg_restore", "-U", "postgres",
                        "--single-transaction", "--no-owner", "--no-comments",
                        f"--role=lingxi_{owner}", "-d", f"lingxi_{owner}", stdin=file)  # fmt: skip
    except subprocess.CalledProcessError:
        _drop(read)
        raise


def _has_events(read: Mapping[str, str], owner: str) -> bool:
    database = f"lingxi_{owner}"
    there = f"select datname from pg_database where datname = '{database}'"
    return bool(
        _select(read, "postgres", there)
        and _select(read, database, "select to_regclass('public.events')")
        and _select(read, database, "select 1 from events limit 1")
    )


def _select(read: Mapping[str, str], database: str, query: str) -> str:
    psql = ("exec", "-T", "postgres", "psql", "-U", "postgres", "-d", database, "-Atc")
    return ask(read, *psql, query).strip()


def _drop(read: Mapping[str, str]) -> None:
    for owner in ORDER:
        compose(read, "exec", "-T", "postgres", "dropdb", "-U", "postgres", "--if-exists",
                f"lingxi_{owner}")  # fmt: skip
