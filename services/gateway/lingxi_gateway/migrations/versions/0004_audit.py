"""What was done to accounts is written down."""

from alembic import op

from lingxi_gateway.projections import audit

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Create the table."""
    for statement in audit.CREATE:
        op.execute(statement)
