"""What agent keeps of chat's sessions: how far it learned from them, what of them is gone.

A row is made by the first that is heard of a session, so that there is something to lock. Columns
are monotone, but for messages superseded so long ago that nothing learned from them is on its way.
Not folded from agent's log: a rebuild hears from chat's what is gone. How far it learned is only
asked of a range whose summary is not recorded yet: where that is lost, what broke off there may be
learned twice, in other words.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from lingxi_chassis.eventlog import Clause
from lingxi_chassis.postgres import Pool, execute, fetch_one

CREATE = (
    """
    create table sessions (
        session_id    uuid primary key,
        learned_up_to int  not null default 0,
        deleted       bool not null default false,
        superseded    uuid[] not null default '{}'
    )
    """,
)
SUPERSEDED_MAX = 1_000
"""Of a session, the newest. What is learned is recorded within moments of being read."""


@dataclass(frozen=True, slots=True)
class Heard:
    """The seq up to which was learned from a session, and the messages nothing may rest on."""

    learned_up_to: int = 0
    superseded: frozenset[UUID] = frozenset()


async def remember_session(pool: Pool, session_id: UUID) -> Heard:
    """The session has a row from here on; what is in it."""
    row = await fetch_one(
        pool,
        """
        with made as (
            insert into sessions (session_id) values (%(session_id)s)
            on conflict (session_id) do nothing
        )
        select learned_up_to, superseded from sessions where session_id = %(session_id)s
        """,
        {"session_id": session_id},
    )
    return Heard() if row is None else Heard(row[0], frozenset(row[1]))


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
        on conflict (session_id) do update set deleted = true, superseded = '{}'
        """,
        {"session_id": session_id},
    )


async def supersede(pool: Pool, session_id: UUID, message_ids: Sequence[UUID]) -> None:
    """Messages were replaced: what `living` guards and rests on them has ended, or will be
    refused."""
    await execute(
        pool,
        """
        insert into sessions (session_id, superseded)
        values (%(session_id)s, %(message_ids)s::uuid[])
        on conflict (session_id) do update set superseded = (
            select gone[greatest(cardinality(gone) - %(max)s + 1, 1):]
            from (select sessions.superseded || array(
                select one from unnest(excluded.superseded) one
                where one <> all (sessions.superseded))) all_of (gone)
        )
        where not sessions.deleted
        """,
        {"session_id": session_id, "message_ids": list(message_ids), "max": SUPERSEDED_MAX},
    )


def living(agent_id: UUID, session_id: UUID, message_ids: Sequence[UUID] = ()) -> Clause:
    """Guard: agent and session are there, and none of these messages was superseded. Their
    deletions wait for the append, or it sees them."""
    return Clause(
        "held",
        """
        select 1 from agents a, sessions s
        where a.agent_id = %(living_agent)s
          and s.session_id = %(living_session)s and not s.deleted
          and not s.superseded && %(living_messages)s::uuid[]
        for key share of a for share of s
        """,
        {
            "living_agent": agent_id,
            "living_session": session_id,
            "living_messages": list(message_ids),
        },
    )
