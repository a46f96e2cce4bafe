"""The event log, sessions, messages, open turns, and what chat keeps of its neighbours."""

from alembic import op

from lingxi_chassis.eventlog import schema
from lingxi_chat.projections import messages, neighbours, open_turns, sessions

revision = "0001"
down_revision = None


def upgrade() -> None:
    for part in (schema, messages, sessions, open_turns, neighbours):
        for statement in part.CREATE:
            op.execute(statement)
