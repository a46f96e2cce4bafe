"""Runs a service's Alembic migrations, one process at a time.

A database at its newest revision costs one query. Each service keeps its revisions in its own
`migrations/versions/`.
"""

from pathlib import Path

import sqlalchemy as sa
import structlog
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

MIGRATION_LOCK = 0x6C786D67
"""Advisory lock: replicas that start together migrate once."""

log = structlog.get_logger(__name__)


def migrate(database_url: str, versions: Path) -> None:
    """Bring a database to the newest revision in `versions`."""
    url = sa.make_url(database_url).set(drivername="postgresql+psycopg")
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "alembic_environment"))
    config.set_main_option("version_locations", str(versions))
    config.set_main_option("path_separator", "newline")
    engine = sa.create_engine(url, poolclass=sa.pool.NullPool)
    with engine.connect() as connection:
        connection.execute(sa.text("set transaction_timeout = 0"))
        connection.execute(sa.text("set idle_in_transaction_session_timeout = 0"))
        connection.execute(sa.select(sa.func.pg_advisory_lock(MIGRATION_LOCK)))
        connection.commit()
        newest = ScriptDirectory.from_config(config).get_current_head()
        now = MigrationContext.configure(connection).get_current_revision()
        connection.rollback()
        if now != newest:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            connection.commit()
            log.info("migrated", revision=newest, was=now)
    engine.dispose()
