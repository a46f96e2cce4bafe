"""An operator may disable a user."""

from alembic import op

from lingxi_gateway.projections import credentials

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add what says so."""
    for statement in credentials.ADD_DISABLED:
        op.execute(statement)
