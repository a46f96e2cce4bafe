"""Summaries, looks at the personality, and what the agent says by itself."""

from alembic import op

from lingxi_chat.projections import messages, reviews, summaries

revision = "0004"
down_revision = "0003"

# A new database has them from its first revision.
MESSAGES = (
    """
    alter table messages
        add column if not exists proactive_id uuid,
        add column if not exists news text[],
        add column if not exists critical jsonb
    """,
    # The check of the first revision, which had no name of its own.
    """
    do $$ begin
        if not exists (select from pg_constraint where conname = 'messages_said_because') then
            alter table messages
                drop constraint messages_check1,
                add constraint messages_said_because check (
                    case author when 'agent' then (turn_id is null) <> (proactive_id is null)
                                else proactive_id is null end
                ),
                add constraint messages_critical check (critical is null or author = 'user');
        end if;
    end $$
    """,
)


def upgrade() -> None:
    for statement in (
        *MESSAGES,
        messages.WITHOUT_SAMPLES,
        *summaries.CREATE,
        summaries.WITHOUT_SAMPLES,
        *reviews.CREATE,
    ):
        op.execute(statement)
