"""Postgres and NATS of one installation: embedded, or the given ones."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import psycopg

from lingxi_local import nats, postgres
from lingxi_local.child import Recipe
from lingxi_local.data_dir import DataDir, Secrets
from lingxi_local.databases import OWNERS, ensure_databases, owner_url
from lingxi_local.nats import NatsServer
from lingxi_local.nats_configuration import ADMIN
from lingxi_local.permissions import USERS
from lingxi_local.ports import LOOPBACK, unused_port
from lingxi_local.postgres import PostgresServer
from lingxi_local.process import StartFailed
from lingxi_local.settings import LocalSettings

POSTGRES_LINES_SHOWN = ("FATAL:", "PANIC:", "WARNING:")
NATS_LINES_SHOWN = ("[ERR]", "[FTL]", "[WRN]")
# Said at every stop, or (of the passwords) known: the file that holds them is ours alone.
LINES_HIDDEN = (
    "terminating connection due to administrator",
    "the database system is",
    "Plaintext passwords detected",
)


@dataclass(frozen=True)
class Servers:
    """The servers' URLs, and what has to run for them."""

    database_server_url: str
    database_urls: Mapping[str, str]
    database_passwords: Mapping[str, str]
    nats_urls: Mapping[str, str]
    nats_admin_url: str
    recipes: tuple[Recipe, ...]


def secret_names() -> list[str]:
    """Names of the secrets an installation has for its servers."""
    databases = [f"database-{owner}" for owner in OWNERS]
    users = [f"nats-{role.service}" for role in USERS]
    return ["postgres", f"nats-{ADMIN}", *databases, *users]


async def choose_servers(settings: LocalSettings, data: DataDir, secrets: Secrets) -> Servers:
    """Prepare the embedded servers that no setting replaces. Raises `StartFailed`."""
    recipes: list[Recipe] = []
    server_url = settings.database_url
    if server_url is None:
        server = PostgresServer(data.path / "postgres", unused_port(), secrets["postgres"])
        server_url = server.url
        recipes.append(await _postgres_recipe(server))
    passwords = {owner: secrets[f"database-{owner}"] for owner in OWNERS}
    users = [*(role.service for role in USERS), ADMIN]
    if settings.nats_url is None:
        nats_passwords = {user: secrets[f"nats-{user}"] for user in users}
        nats_server = NatsServer(data.path / "nats", unused_port(), nats_passwords, USERS)
        nats_urls = {user: nats_server.url(user) for user in users}
        recipes.append(_nats_recipe(nats_server))
    else:
        nats_urls = dict.fromkeys(users, settings.nats_url)
    return Servers(
        database_server_url=server_url,
        database_urls={owner: owner_url(server_url, owner, passwords[owner]) for owner in OWNERS},
        database_passwords=passwords,
        nats_admin_url=nats_urls.pop(ADMIN),
        nats_urls=nats_urls,
        recipes=tuple(recipes),
    )


async def make_databases(servers: Servers) -> None:
    """Roles and databases on a server that is up. Raises `StartFailed`."""
    try:
        await asyncio.to_thread(
            ensure_databases, servers.database_server_url, servers.database_passwords
        )
    except psycopg.Error as error:
        raise StartFailed("the databases (DATABASE_URL)", str(error).strip()) from None


async def _postgres_recipe(server: PostgresServer) -> Recipe:
    async def ready() -> bool:
        try:
            connection = await psycopg.AsyncConnection.connect(server.url, connect_timeout=2)
        except psycopg.OperationalError:
            return False
        await connection.close()
        return True

    command = await asyncio.to_thread(server.prepare)
    return Recipe(
        "postgres", command, ready, postgres.STOP_SECONDS_MAX, _shown(POSTGRES_LINES_SHOWN)
    )


def _nats_recipe(server: NatsServer) -> Recipe:
    async def ready() -> bool:
        try:
            async with asyncio.timeout(1):
                reader, writer = await asyncio.open_connection(LOOPBACK, server.port)
                greeting = await reader.read(4)
                writer.close()
        except (OSError, TimeoutError):
            return False
        return greeting == b"INFO"

    return Recipe("nats", server.prepare(), ready, nats.STOP_SECONDS_MAX, _shown(NATS_LINES_SHOWN))


def _shown(marks: tuple[str, ...]) -> Callable[[str], bool]:
    def shows(line: str) -> bool:
        hidden = any(part in line for part in LINES_HIDDEN)
        return not hidden and any(mark in line for mark in marks)

    return shows
