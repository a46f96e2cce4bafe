"""The index that a message's answer is found by."""

from alembic import op

from lingxi_chassis.migrations import LOCK_SECONDS_MAX

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    # A new database has it from its first revision. In another one turns go on meanwhile; a try
    # that was broken off leaves an index that is none.
    with op.get_context().autocommit_block():
        op.execute("set lock_timeout = 0")
        op.execute("drop index concurrently if exists messages_turn")
        op.execute(
            "create index concurrently messages_turn on messages (turn_id) where author = 'agent'"
        )
        op.execute(f"set lock_timeout = '{LOCK_SECONDS_MAX}s'")
