"""The event log with its erasure, watches, what they need of others, decisions and caps."""

from alembic import op

from lingxi_chassis.erasure import schema as erasure
from lingxi_chassis.eventlog import schema as eventlog
from lingxi_scheduler.projections import caps_of_users, decisions, neighbours, watches

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create all tables."""
    for part in (eventlog, erasure, watches, neighbours, decisions, caps_of_users):
        for statement in part.CREATE:
            op.execute(statement)
    for statement in (decisions.WITHOUT_SAMPLES, caps_of_users.REFUSE_ERASED_USERS):
        op.execute(statement)
