"""How far owners' logs were heard. Watches that are there already were heard from their streams."""

from alembic import op

from lingxi_chassis.consumers import from_logs
from lingxi_contracts import agent, chat, gateway

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create the table; a scheduler that was in use goes on as it was."""
    for statement in from_logs.CREATE:
        op.execute(statement)
    for owner in (chat.OWNER, agent.OWNER, gateway.OWNER):
        op.execute(
            f"insert into heard_logs (owner, done)"
            f" select '{owner}', true where exists (select from watches)"
        )
