"""Messages that were superseded, on which nothing is to rest."""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """A new database has the column from an earlier revision."""
    op.execute(
        "alter table sessions add column if not exists superseded uuid[] not null default '{}'"
    )
