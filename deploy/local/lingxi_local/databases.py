"""A role and a database for each owner on one Postgres server, embedded or given.

Nothing an owner does in its own database may hold back the others': an open write transaction
anywhere in a cluster holds `xmin`, and with it every relay. So transactions are bounded by role.
"""

from collections.abc import Mapping
from contextlib import suppress
from typing import LiteralString
from urllib.parse import quote, urlsplit, urlunsplit

import psycopg
from psycopg import sql
from psycopg.errors import InsufficientPrivilege
from psycopg.rows import TupleRow

OWNERS = ("gateway", "chat", "agent", "scheduler")
WITH_VECTORS = {"chat"}
CONNECT_SECONDS_MAX = 10
TRANSACTION_SECONDS_MAX = 5
IDLE_IN_TRANSACTION_SECONDS_MAX = 2
POSTGRES_17 = 17_00_00  # the first with transaction_timeout


def database_name(owner: str) -> str:
    """Name of an owner's database and of its role."""
    return f"lingxi_{owner}"


def owner_url(server_url: str, owner: str, password: str) -> str:
    """URL of an owner's database on the server of `server_url`, with its own role."""
    parts = urlsplit(server_url)
    host = parts.netloc.rpartition("@")[2]
    name = database_name(owner)
    netloc = f"{name}:{quote(password, safe='')}@{host}"
    return urlunsplit((parts.scheme, netloc, f"/{name}", parts.query, ""))


def ensure_databases(server_url: str, passwords: Mapping[str, str]) -> None:
    """Make the roles and databases of these owners where they are missing. Repeatable.

    `server_url` is of a role that may create roles and databases. Raises `psycopg.Error`.
    """
    with psycopg.connect(server_url, autocommit=True, connect_timeout=CONNECT_SECONDS_MAX) as admin:
        roles = _names(admin, "select rolname from pg_roles")
        databases = _names(admin, "select datname from pg_database")
        for owner, password in passwords.items():
            name = sql.Identifier(database_name(owner))
            if database_name(owner) not in roles:
                admin.execute(sql.SQL("create role {}").format(name))
            _set_up_role(admin, name, password)
            if database_name(owner) not in databases:
                admin.execute(sql.SQL("grant {} to current_user").format(name))
                admin.execute(sql.SQL("create database {0} owner {0}").format(name))
                admin.execute(sql.SQL("revoke all on database {} from public").format(name))
    for owner in passwords.keys() & WITH_VECTORS:
        _ensure_vectors(server_url, owner)


def _ensure_vectors(server_url: str, owner: str) -> None:
    """pgvector in an owner's database, where the server has it: no owner may create it itself."""
    connect = psycopg.connect(
        server_url,
        dbname=database_name(owner),
        autocommit=True,
        connect_timeout=CONNECT_SECONDS_MAX,
    )
    with connect as admin, suppress(InsufficientPrivilege):
        if _names(admin, "select name from pg_available_extensions where name = 'vector'"):
            admin.execute("create extension if not exists vector")


def _names(admin: psycopg.Connection[TupleRow], query: LiteralString) -> set[str]:
    return {row[0] for row in admin.execute(query)}


def _set_up_role(admin: psycopg.Connection[TupleRow], name: sql.Identifier, password: str) -> None:
    alter = sql.SQL("alter role {} ").format(name)
    admin.execute(alter + sql.SQL("with login password {}").format(sql.Literal(password)))
    idle = sql.Literal(f"{IDLE_IN_TRANSACTION_SECONDS_MAX}s")
    admin.execute(alter + sql.SQL("set idle_in_transaction_session_timeout = {}").format(idle))
    if admin.info.server_version >= POSTGRES_17:
        whole = sql.Literal(f"{TRANSACTION_SECONDS_MAX}s")
        admin.execute(alter + sql.SQL("set transaction_timeout = {}").format(whole))
