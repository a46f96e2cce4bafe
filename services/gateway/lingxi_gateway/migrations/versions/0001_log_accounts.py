"""The event log, accounts, and what proves who somebody is."""

from alembic import op

from lingxi_chassis.eventlog import schema
from lingxi_gateway.projections import credentials, login_failures, refresh_families, users

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create all tables."""
    for statement in (
        *schema.CREATE,
        *users.CREATE,
        *credentials.CREATE,
        *refresh_families.CREATE,
        *login_failures.CREATE,
    ):
        op.execute(statement)
