"""Erasure, and no samples of what users write in the planner's statistics."""

from alembic import op

from lingxi_chassis.erasure import schema
from lingxi_chat.projections import messages, neighbours, sessions

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    for statement in (
        *schema.CREATE,
        *neighbours.REFUSE_ERASED_USERS,
        messages.WITHOUT_SAMPLES,
        sessions.WITHOUT_SAMPLES,
        neighbours.WITHOUT_SAMPLES,
    ):
        op.execute(statement)
