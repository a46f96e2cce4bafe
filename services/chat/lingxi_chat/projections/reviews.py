"""What agent says about its looks at a session: a suggestion that waits, and the newest look.

Guards: the suggestion is the newest by the sequence of the agent's stream, the look by its time;
of a session that is gone nothing is kept. Who writes holds the session's row against its deletion;
the trigger of the tombstone, whose snapshot is newer than the tombstone's own, deletes then.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from lingxi_chassis.postgres import Pool, execute

CREATE = (
    """
    create table reviews (
        session_id    uuid primary key,
        suggestion_id uuid,
        sequence      int not null,
        checked_at    timestamptz
    )
    """,
)
FORGET = (
    """
    create function forget_looks() returns trigger language plpgsql as $$
    begin
        delete from reviews where session_id = new.stream_id;
        return null;
    end $$
    """,
    """
    create trigger streams_forget_looks after update on streams
    for each row when (old.state is not null and new.state is null)
    execute function forget_looks()
    """,
)


@dataclass(frozen=True, slots=True)
class Look:
    """What one event tells of a session. `sequence` 0: nothing about its suggestion."""

    session_id: UUID
    suggestion_id: UUID | None = None
    sequence: int = 0
    checked_at: datetime | None = None


async def remember_look(pool: Pool, look: Look) -> None:
    """Keep what is newer than what is known."""
    await execute(
        pool,
        """
        with living as (
            select session_id from sessions where session_id = %(session_id)s for key share
        )
        insert into reviews (session_id, suggestion_id, sequence, checked_at)
        select session_id, %(suggestion_id)s::uuid, %(sequence)s, %(checked_at)s::timestamptz
        from living
        on conflict (session_id) do update
        set suggestion_id = case when excluded.sequence > reviews.sequence
                            then excluded.suggestion_id else reviews.suggestion_id end,
            sequence = greatest(reviews.sequence, excluded.sequence),
            checked_at = greatest(reviews.checked_at, excluded.checked_at)
        """,
        {
            "session_id": look.session_id,
            "suggestion_id": look.suggestion_id,
            "sequence": look.sequence,
            "checked_at": look.checked_at,
        },
    )
