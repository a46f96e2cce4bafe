"""What agent keeps of chat's sessions: how far it learned from them, and which are gone.

A row is made by the first command about a session, so that there is something to lock; both columns
are monotone. Not folded from agent's log: a rebuild hears from chat's which sessions are gone. How
far it learned is only asked of a range whose summary is not recorded yet: where that is lost, what
broke off there may be learned twice, in other words.
"""

from uuid import UUID

from lingxi_chassis.eventlog import Clause
from lingxi_chassis.postgres import Pool, execute, fetch_one

CREATE = (
    """
    create table sessions (
        session_id    uuid primary key,
        learned_up_to int  not null default 0,
        deleted       bool not null default false
    )
    """,
)


async def remember_session(pool: Pool, session_id: UUID) -> int:
    """The session has a row from here on; the seq up to which was learned from it."""
    row = await fetch_one(
        pool,
        """
        with made as (
            insert into sessions (session_id) values (%(session_id)s)
            on conflict (session_id) do nothing
        )
        select learned_up_to from sessions where session_id = %(session_id)s
        """,
        {"session_id": session_id},
    )
    return 0 if row is None else row[0]


async def mark_learned(pool: Pool, session_id: UUID, up_to_seq: int) -> None:
    """All that was learned up to there is recorded."""
    await execute(
        pool,
        "update sessions set learned_up_to = greatest(learned_up_to, %(up_to_seq)s)"
        " where session_id = %(session_id)s",
        {"session_id": session_id, "up_to_seq": up_to_seq},
    )


async def forget_session(pool: Pool, session_id: UUID) -> None:
    """A session is gone for good: what `living` guards has ended, or will be refused."""
    await execute(
        pool,
        """
        insert into sessions (session_id, deleted) values (%(session_id)s, true)
        on conflict (session_id) do update set deleted = true
        """,
        {"session_id": session_id},
    )


def living(agent_id: UUID, session_id: UUID) -> Clause:
    """Guard: agent and session are there. Their deletions wait for the append, or it sees them."""
    return Clause(
        "held",
        """
        select 1 from agents a, sessions s
        where a.agent_id = %(living_agent)s
          and s.session_id = %(living_session)s and not s.deleted
        for key share of a for share of s
        """,
        {"living_agent": agent_id, "living_session": session_id},
    )
