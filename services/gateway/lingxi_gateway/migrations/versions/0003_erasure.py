"""Erasure, and no samples of what users say of themselves in the planner's statistics."""

from alembic import op

from lingxi_chassis.erasure import schema
from lingxi_gateway.projections import users

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Create erasure's tables; keep samples out."""
    for statement in (*schema.CREATE, users.WITHOUT_SAMPLES):
        op.execute(statement)
