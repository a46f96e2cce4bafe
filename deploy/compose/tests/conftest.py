"""Docker Compose's part in backups, played by a Postgres and programs of this machine."""

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from lingxi_local.databases import OWNERS, database_name, ensure_databases, owner_url
from lingxi_local.ports import unused_port
from lingxi_local.postgres import PostgresServer, RunningPostgres
from tests.fixtures.servers import PASSWORD, reachable_folder

ENGINE = """#!/bin/bash -e
# docker compose -f FILE ..., as far as a backup and a restore go
shift 3
case "$1 $2" in
    "ps --services") echo "$RUNNING" ;;
    "up -d") ;;
    "exec -T") tool=$4; shift 4; exec "$(dirname "$0")/$tool" "$@" ;;
    "run --rm") shift 3; exec "$@" ;;
    *) echo "not known here: $*" >&2; exit 64 ;;
esac
"""
TOOLS = ("pg_dump", "pg_restore", "psql", "dropdb")


@dataclass
class Installation:
    """A Postgres, and the environment in which `docker` means it."""

    server_url: str
    folder: Path
    env: dict[str, str]
    passwords: dict[str, str] = field(default_factory=lambda: dict.fromkeys(OWNERS, PASSWORD))

    def url(self, owner: str) -> str:
        """An owner's database, by its own role."""
        return owner_url(self.server_url, owner, self.passwords[owner])

    def make_databases(self) -> None:
        """Roles and databases, without tables."""
        ensure_databases(self.server_url, self.passwords)

    def drop_databases(self) -> None:
        """As on a new machine, with its new secrets."""
        with psycopg.connect(self.server_url, autocommit=True) as admin:
            for owner in OWNERS:
                name = sql.Identifier(database_name(owner))
                admin.execute(sql.SQL("drop database if exists {} with (force)").format(name))
                admin.execute(sql.SQL("drop role if exists {}").format(name))

    def break_tool(self, name: str, script: str) -> None:
        """Have one of Postgres' programs do something else."""
        (self.folder / name).unlink()
        _program(self.folder / name, script)


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    """A server of its own: roles belong to all databases of one."""
    with reachable_folder() as folder:
        server = PostgresServer(folder / "postgres", unused_port(), PASSWORD)
        with RunningPostgres(server, folder / "postgres.log"):
            yield server


@pytest.fixture
def installation(postgres: PostgresServer, tmp_path: Path) -> Iterator[Installation]:
    """One without databases."""
    binaries = postgres.binaries()
    _program(tmp_path / "docker", ENGINE)
    for tool in TOOLS:
        _program(tmp_path / tool, f'#!/bin/bash\nexec "{binaries / tool}" "$@"\n')
    path = (str(tmp_path), str(Path(sys.executable).parent), os.environ["PATH"])
    env = {
        "PATH": os.pathsep.join(path),
        "PGHOST": "127.0.0.1",
        "PGPORT": str(postgres.port),
        "PGPASSWORD": PASSWORD,
        "ADMIN_DATABASE_URL": postgres.url,
        **{f"{owner.upper()}_DATABASE_PASSWORD": PASSWORD for owner in OWNERS},
    }
    made = Installation(postgres.url, tmp_path, env)
    yield made
    made.drop_databases()


def _program(path: Path, script: str) -> None:
    path.write_text(script)
    path.chmod(0o755)
