"""Open turns remember the trace that they are part of."""

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    # A new database has it from its first revision.
    op.execute("alter table turn_work add column if not exists traceparent text")
