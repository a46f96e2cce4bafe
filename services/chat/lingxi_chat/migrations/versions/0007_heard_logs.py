"""How far owners' logs were heard. Chat heard all from the streams since its first day."""

from alembic import op

from lingxi_chassis.consumers import from_logs
from lingxi_contracts import agent, gateway

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Create the table; what others told is there."""
    for statement in from_logs.CREATE:
        op.execute(statement)
    for owner in (agent.OWNER, gateway.OWNER):
        op.execute(from_logs.HEARD.format(owner=owner))
