"""Looks at a session go with it, also those that are recorded while it is deleted."""

from alembic import op

from lingxi_chat.projections import reviews

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """What such looks have left goes now."""
    for statement in reviews.FORGET:
        op.execute(statement)
    op.execute("delete from reviews where session_id not in (select session_id from sessions)")
