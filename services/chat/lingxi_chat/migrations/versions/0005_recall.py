"""The index that messages are recalled by."""

from alembic import op

from lingxi_chat.projections import recall, recall_vectors

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    for statement in (*recall.CREATE, recall_vectors.CREATE):
        op.execute(statement)
