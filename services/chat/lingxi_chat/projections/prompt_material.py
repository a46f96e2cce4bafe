"""What a prompt is made of, read in one statement."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from lingxi_chassis.postgres import Pool, fetch_all
from lingxi_chat.domain.prompt import Said
from lingxi_chat.projections.summaries import STANDING


@dataclass(frozen=True, slots=True)
class Newest:
    """The newest messages in order of seq, and what a prompt is made with beside them.

    `suggestion_id`: the suggestion of a personality that waits for the user. `elsewhere`: the user
    and the agent have talked in other sessions too, as far as that was asked.
    """

    messages: Sequence[Said]
    timezone: str
    summary: str
    suggestion_id: UUID | None
    elsewhere: bool


async def newest_messages(
    pool: Pool,
    session_id: UUID,
    user_id: UUID,
    agent_id: UUID,
    *,
    limit: int,
    without_turn: UUID | None = None,
    asks_elsewhere: bool = True,
) -> Newest:
    """What a prompt is made of.

    `without_turn`: what this one said is to be said anew, and left out. Whether they talked
    elsewhere is asked of each version that the session's row has lately had: not for nothing.
    """
    rows = await fetch_all(
        pool,
        f"""
        with newest as (
            select seq, author, text, sent_at from messages
            where session_id = %(session_id)s and superseded_by is null
              and (author = 'user' or proactive_id is not null
                   or turn_id is distinct from %(without_turn)s::uuid)
            order by seq desc limit %(limit)s
        )
        select seq, author, text, sent_at, null, null, null from newest
        union all
        -- One row more, last of all, for what there is once.
        select 0, null, {STANDING.format(session_id="%(session_id)s")}, null,
               (select timezone from users where user_id = %(user_id)s),
               (select suggestion_id from reviews where session_id = %(session_id)s),
               %(asks_elsewhere)s
               and exists (select from sessions where user_id = %(user_id)s
                           and agent_id = %(agent_id)s and session_id <> %(session_id)s)
        order by seq desc
        """,
        {
            "session_id": session_id,
            "user_id": user_id,
            "agent_id": agent_id,
            "without_turn": without_turn,
            "limit": limit,
            "asks_elsewhere": asks_elsewhere,
        },
    )
    *said, once = rows
    _, _, summary, _, timezone, suggestion_id, elsewhere = once
    messages = [Said(*row[:4]) for row in reversed(said)]
    return Newest(messages, timezone or "UTC", summary or "", suggestion_id, elsewhere)
