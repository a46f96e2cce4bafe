"""The start of an owner: what it needs is waited for, alive and not ready, before it serves."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from libs.chassis.tests.shelf import OWNER
from lingxi_chassis import migrations, revisions
from lingxi_chassis.owner import OwnerParts, open_owner
from lingxi_chassis.process import Stop
from lingxi_chassis.settings import OwnerSettings
from lingxi_chassis.tasks import ahead
from lingxi_local.ports import LOOPBACK
from tests.fixtures.waiting import eventually

type Ready = Callable[[], Awaitable[tuple[int, dict[str, str]]]]

FIRST = """
revision: str = "0001"
down_revision: str | None = None

def upgrade() -> None:
    from alembic import op
    from libs.chassis.tests.shelf import TABLES
    from lingxi_chassis.eventlog.schema import CREATE
    for statement in (*CREATE, *TABLES):
        op.execute(statement)
"""
SECOND = """
revision: str = "0002"
down_revision: str | None = "0001"

def upgrade() -> None:
    from alembic import op
    op.execute("alter table things add column weight int")
"""

INDEX = """
revision: str = "0003"
down_revision: str | None = "0002"

def upgrade() -> None:
    from alembic import op
    with op.get_context().autocommit_block():
        op.execute("set lock_timeout = 0")
        op.execute("drop index concurrently if exists things_weight")
        op.execute("create index concurrently things_weight on things (weight)")
"""


@pytest.fixture
def versions(tmp_path: Path) -> Path:
    """The migrations of the owner `shelf`."""
    folder = tmp_path / "versions"
    folder.mkdir()
    (folder / "0001_log.py").write_text(FIRST)
    (folder / "0002_weight.py").write_text(SECOND)
    return folder


@pytest.fixture
def settings(database_url: str, nats_url: str, unused_port: int) -> OwnerSettings:
    environment = {
        "DATABASE_URL": database_url,
        "NATS_URL": nats_url,
        "LINGXI_INTERNAL_PORT": str(unused_port),
    }
    return OwnerSettings.model_validate(environment)


@asynccontextmanager
async def asking(settings: OwnerSettings) -> AsyncGenerator[Ready]:
    """Asks its health, once it answers: the status of its readiness, and the reasons. That it is
    alive is held all the while."""
    url = f"http://{LOOPBACK}:{settings.internal_port}"
    async with httpx.AsyncClient(base_url=url) as client:

        async def ready() -> tuple[int, dict[str, str]]:
            try:
                assert (await client.get("/health/live")).status_code == 200
                answer = await client.get("/health/ready")
            except httpx.ConnectError:
                return 0, {}
            return answer.status_code, answer.json()["reasons"]

        yield ready


async def serves(owner: AbstractAsyncContextManager[OwnerParts]) -> bool:
    """It came to where it serves, and left."""
    async with owner as parts:
        return parts.nats.is_connected


async def test_old_tables_are_waited_for(
    settings: OwnerSettings, versions: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards new code that starts before its migrations: it would fail on every statement."""
    monkeypatch.setattr(revisions, "LOOK_SECONDS", 0.05)
    url = settings.database_url
    serving = ahead(serves(open_owner(OWNER, settings, Stop(), versions)))

    async with asking(settings) as ready:

        async def waits_to_be_migrated_from(revision: str) -> bool:
            status, reasons = await ready()
            told = reasons.get("database", "")
            return status == 503 and told == f"to be migrated from {revision} to 0002"

        await eventually(lambda: waits_to_be_migrated_from("None"))
        new_name = versions / "0002_weight.py"
        aside = new_name.rename(versions / "later")
        migrations.migrate(url, versions)
        aside.rename(new_name)
        await eventually(lambda: waits_to_be_migrated_from("0001"))
        assert not serving.done()
        migrations.migrate(url, versions)
        assert await serving


async def test_newer_tables_are_served(settings: OwnerSettings, versions: Path) -> None:
    """Guards the way back to the last release, whose services run on the new tables."""
    migrations.migrate(settings.database_url, versions)
    (versions / "0002_weight.py").unlink()
    migrations.migrate(settings.database_url, versions)  # as it is done before every start
    assert revision(settings.database_url) == [("0002",)]
    async with open_owner(OWNER, settings, Stop(), versions), asking(settings) as ready:

        async def is_ready() -> bool:
            return await ready() == (200, {})

        await eventually(is_ready)


async def test_it_is_alive_while_it_adopts_a_restored_log(
    settings: OwnerSettings, versions: Path
) -> None:
    """Guards a long adoption: who is taken for dead in it begins anew, for ever."""
    url = settings.database_url
    migrations.migrate(url, versions)
    async with await psycopg.AsyncConnection.connect(url) as writer:
        await writer.execute(
            "insert into events (xid, event_id, stream_id, version, type, user_id, occurred_at)"
            " select '999999999999', u, u, 1, 'thing_put.v1', u, now() from gen_random_uuid() u"
        )
        await writer.commit()
        await writer.execute("lock table streams in share mode")  # so that it takes long
        serving = ahead(serves(open_owner(OWNER, settings, Stop(), versions)))
        async with asking(settings) as ready:

            async def adopts() -> bool:
                waiting = "select 1 from pg_locks where not granted and database = (select oid"
                waiting += " from pg_database where datname = current_database())"
                async with await psycopg.AsyncConnection.connect(url) as looking:
                    return await (await looking.execute(waiting.encode())).fetchone() is not None

            await eventually(adopts)
            status, reasons = await ready()
        assert (status, sorted(reasons)) == (503, ["database", "nats", "relay"])
        assert not serving.done()
    assert await serving


def test_a_migration_lets_others_pass(
    database_url: str, versions: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards statements that would queue behind a migration that itself waits for a table."""
    monkeypatch.setattr(migrations, "LOCK_SECONDS_MAX", 0.1)
    monkeypatch.setattr(migrations, "TRIES_MAX", 2)
    monkeypatch.setattr(migrations, "PAUSE_SECONDS", 0.0)
    second = versions / "0002_weight.py"
    aside = second.rename(versions / "later")
    migrations.migrate(database_url, versions)
    aside.rename(second)
    with psycopg.connect(database_url) as reader:
        reader.execute("select count(*) from things")
        with pytest.raises(Exception, match="lock timeout"):
            migrations.migrate(database_url, versions)
    migrations.migrate(database_url, versions)
    assert revision(database_url) == [("0002",)]


def test_an_index_is_built_beside_writers(database_url: str, versions: Path) -> None:
    """Guards what docs/upgrades.md tells of it."""
    (versions / "0003_index.py").write_text(INDEX)
    migrations.migrate(database_url, versions)
    assert revision(database_url) == [("0003",)]


def revision(database_url: str) -> list[Any]:
    with psycopg.connect(database_url) as connection:
        return connection.execute(revisions.QUERY.encode()).fetchall()
