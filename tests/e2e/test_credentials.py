"""An owner's credentials for Postgres and the others' databases: no way in, tried for each pair.

What the credentials for NATS permit is in deploy/local/tests/test_permissions.py.
"""

import psycopg
import pytest

from lingxi_local.databases import OWNERS, database_name
from tests.fixtures.system import RunningSystem


@pytest.mark.parametrize("owner", OWNERS)
def test_an_owner_enters_its_own_database_and_no_other(system: RunningSystem, owner: str) -> None:
    url = system.local.servers.database_urls[owner]
    with psycopg.connect(url) as own:
        own.execute("select 1 from events limit 1")
    for other in set(OWNERS) - {owner}:
        with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
            psycopg.connect(url, dbname=database_name(other)).close()


@pytest.mark.parametrize("owner", OWNERS)
def test_an_owner_is_nobody_else_and_nothing_more(system: RunningSystem, owner: str) -> None:
    attempts = [
        "create role another",
        "create database another",
        "copy (select 1) to program 'true'",
        "select pg_read_file('postgresql.conf')",
        *(f"set role {database_name(other)}" for other in OWNERS if other != owner),
    ]
    with psycopg.connect(system.local.servers.database_urls[owner], autocommit=True) as own:
        for attempt in attempts:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                own.execute(attempt.encode())
