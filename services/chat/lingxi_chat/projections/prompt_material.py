"""What a prompt is made of, read in one statement."""

from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter
from uuid import UUID

from lingxi_chassis.eventlog import Clause
from lingxi_chassis.postgres import Pool, Row, fetch_all
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


def asking_newest(
    session_id: UUID,
    user_id: UUID,
    agent_id: UUID,
    *,
    limit: int,
    without_turn: UUID | None = None,
    asks_elsewhere: bool = True,
) -> Clause:
    """The question for what a prompt is made of, whose rows `newest_from` takes.

    `without_turn`: what this one said is to be said anew, and left out. Whether they talked
    elsewhere is asked of each version that the session's row has lately had: not for nothing.
    """
    return Clause(
        "material",
        f"""
        with newest as (
            select seq, author, text, sent_at from messages
            where session_id = %(read_session)s and superseded_by is null
              and (author = 'user' or proactive_id is not null
                   or turn_id is distinct from %(read_without_turn)s::uuid)
            order by seq desc limit %(read_limit)s
        )
        select seq, author, text, sent_at, null as timezone, null as suggestion, null as elsewhere
        from newest
        union all
        -- One row more for what there is once.
        select 0, null, {STANDING.format(session_id="%(read_session)s")}, null,
               (select timezone from users where user_id = %(read_user)s),
               (select suggestion_id from reviews where session_id = %(read_session)s),
               %(read_asks_elsewhere)s
               and exists (select from sessions where user_id = %(read_user)s
                           and agent_id = %(read_agent)s and session_id <> %(read_session)s)
        """,
        {
            "read_session": session_id,
            "read_user": user_id,
            "read_agent": agent_id,
            "read_without_turn": without_turn,
            "read_limit": limit,
            "read_asks_elsewhere": asks_elsewhere,
        },
    )


async def newest_messages(pool: Pool, asked: Clause) -> Newest:
    """What a prompt is made of, by `asking_newest`. Raises Unavailable."""
    return newest_from(await fetch_all(pool, asked.sql, asked.params))


def newest_from(rows: Sequence[Row]) -> Newest:
    """What a prompt is made of, of rows in any order."""
    once, *said = sorted(rows, key=itemgetter(0))
    _, _, summary, _, timezone, suggestion_id, elsewhere = once
    messages = [Said(*row[:4]) for row in said]
    return Newest(messages, timezone or "UTC", summary or "", suggestion_id, elsewhere)
