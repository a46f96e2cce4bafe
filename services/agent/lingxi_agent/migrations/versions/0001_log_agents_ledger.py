"""The event log, agents, and the ledger of personalities."""

from alembic import op

from lingxi_agent.projections import agents, personality_versions
from lingxi_chassis.eventlog import schema

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create all tables."""
    for statement in (*schema.CREATE, *agents.CREATE, *personality_versions.CREATE):
        op.execute(statement)
