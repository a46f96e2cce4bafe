"""Erasure, and no samples of what users write in the planner's statistics."""

from alembic import op

from lingxi_agent.projections import agents, personality_versions
from lingxi_chassis.erasure import schema

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create erasure's tables; keep samples out."""
    for statement in (*schema.CREATE, agents.WITHOUT_SAMPLES, personality_versions.WITHOUT_SAMPLES):
        op.execute(statement)
