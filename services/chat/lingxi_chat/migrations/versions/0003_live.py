"""Superseded messages; stops, and numbers of claims, of open turns."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    # A new database has them from its first revision.
    for statement in (
        "alter table messages add column if not exists superseded_by uuid",
        "alter table turn_work add column if not exists stop_requested bool not null default false",
        "alter table turn_work add column if not exists claims int not null default 0",
    ):
        op.execute(statement)
