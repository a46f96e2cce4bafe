"""`python -m lingxi_local.migrate_all`: the databases, roles and tables of all owners, repeatably.

With `databases`: no tables, for these come from a backup.

For installations whose Postgres server is given. From the environment: `ADMIN_DATABASE_URL`, of a
role that may create roles and databases, and for each owner `<OWNER>_DATABASE_PASSWORD`. An owner's
own migrations then run with its own role.
"""

import os
import subprocess
import sys

import psycopg

from lingxi_local.databases import OWNERS, ensure_databases, owner_url
from lingxi_local.migrations import is_behind
from lingxi_local.services import SERVICES


def main(*, tables: bool = True) -> None:
    """Exits 1 with one line when a setting is missing or a step fails."""
    try:
        server_url = os.environ["ADMIN_DATABASE_URL"]
        passwords = {owner: os.environ[f"{owner.upper()}_DATABASE_PASSWORD"] for owner in OWNERS}
    except KeyError as missing:
        sys.exit(f"migrate_all: setting {missing.args[0]} is not set")
    try:
        ensure_databases(server_url, passwords)
    except psycopg.Error as error:
        sys.exit(f"migrate_all: {error}")
    for service in SERVICES if tables else ():
        if service.has_database:
            url = owner_url(server_url, service.name, passwords[service.name])
            if is_behind(service.module, url):
                _migrate(service.module, url)


def _migrate(module: str, database_url: str) -> None:
    # A service's settings want an address of NATS too; a migration never connects to it.
    env = {
        **os.environ,
        "DATABASE_URL": database_url,
        "NATS_URL": "nats://unused",
        "LINGXI_LOCAL": "true",
        "JWT_SECRET": "unused by a migration, never stored",
        "LINGXI_INTERNAL_PORT": "0",
    }
    done = subprocess.run([sys.executable, "-m", module, "migrate"], env=env, check=False)
    if done.returncode:
        sys.exit(f"migrate_all: {module} failed")


if __name__ == "__main__":
    main(tables=sys.argv[1:] != ["databases"])
