"""How far owners' logs were heard. Agent heard all from the streams since its first day."""

from alembic import op

from lingxi_chassis.consumers import from_logs
from lingxi_contracts import chat

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Create the table; what others told is there."""
    for statement in from_logs.CREATE:
        op.execute(statement)
    op.execute(from_logs.HEARD.format(owner=chat.OWNER))
