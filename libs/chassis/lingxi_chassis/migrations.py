"""Runs a service's Alembic migrations, one process at a time.

A database at its newest revision costs one query. Each service keeps its revisions in its own
`migrations/versions/`.
"""

import time
from pathlib import Path

import psycopg
import sqlalchemy as sa
import structlog
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from psycopg.errors import LockNotAvailable
from sqlalchemy.exc import OperationalError

from lingxi_chassis.connections import conninfo
from lingxi_chassis.revisions import read_revisions

MIGRATION_LOCK = 0x6C786D67
"""Advisory lock: replicas that start together migrate once."""
LOCK_SECONDS_MAX = 2
"""What a migration waits for a table that is in use, and all others for the migration that waits.
One that builds an index concurrently waits for all who are at work: it sets this to 0 for itself.
"""
TRIES_MAX = 60
PAUSE_SECONDS = 1.0
LOCK_LOOK_SECONDS = 0.1

log = structlog.get_logger(__name__)


def migrate(database_url: str, versions: Path) -> None:
    """Bring a database to the newest revision in `versions`; one of a newer release is left.

    Raises:
        psycopg.errors.LockNotAvailable: after `TRIES_MAX` tries tables are still not free.
    """
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "alembic_environment"))
    config.set_main_option("version_locations", str(versions))
    config.set_main_option("path_separator", "newline")
    engine = sa.create_engine(
        "postgresql+psycopg://",
        poolclass=sa.pool.NullPool,
        creator=lambda: psycopg.connect(conninfo(database_url)),
    )
    revisions = read_revisions(versions)
    with engine.connect() as connection:
        connection.execute(sa.text("set transaction_timeout = 0"))
        connection.execute(sa.text("set idle_in_transaction_session_timeout = 0"))
        # Who waited within a statement would hold up an index that is built concurrently.
        while not connection.scalar(sa.select(sa.func.pg_try_advisory_lock(MIGRATION_LOCK))):
            connection.rollback()
            time.sleep(LOCK_LOOK_SECONDS)
        connection.execute(sa.text(f"set lock_timeout = '{LOCK_SECONDS_MAX}s'"))
        connection.commit()
        now = MigrationContext.configure(connection).get_current_revision()
        connection.rollback()
        if revisions.is_newer(now):
            log.warning("database_newer", revision=now, newest_known=revisions.newest)
        elif revisions.is_behind(now):
            config.attributes["connection"] = connection
            _upgrade(config, connection)
            log.info("migrated", revision=revisions.newest, was=now)
    engine.dispose()


def _upgrade(config: Config, connection: sa.Connection) -> None:
    """One transaction a revision: each try goes on behind the last one that was committed."""
    for tried in range(1, TRIES_MAX + 1):
        try:
            command.upgrade(config, "head")
            connection.commit()
        except OperationalError as error:
            if tried == TRIES_MAX or not isinstance(error.orig, LockNotAvailable):
                raise
            connection.rollback()
            log.warning("tables_not_free", tried=tried)
            time.sleep(PAUSE_SECONDS)
        else:
            return
