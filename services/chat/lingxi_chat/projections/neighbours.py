"""What chat keeps of other owners: agents' names and deletions, users' time zones.

Folded from their events; each row remembers the sequence it is from, so that late and repeated
events change nothing. A deleted agent stays deleted, by a row of its id alone; of an erased user
no row is made any more.
"""

from uuid import UUID

from psycopg.errors import UniqueViolation

from lingxi_chassis.erasure import ERASED_USER_CONSTRAINT
from lingxi_chassis.erasure.schema import without_statistics
from lingxi_chassis.eventlog import Clause
from lingxi_chassis.postgres import Pool, execute, fetch_one

CREATE = (
    """
    create table agents (
        agent_id uuid primary key,
        name     text,
        sequence int  not null,
        deleted  bool not null default false check (not deleted or name is null)
    )
    """,
    """
    create table users (
        user_id  uuid primary key,
        timezone text not null,
        sequence int  not null
    )
    """,
)
REFUSE_ERASED_USERS = (
    """
    create trigger users_who_live before insert on users
    for each row execute function refuse_erased_user()
    """,
)
WITHOUT_SAMPLES = without_statistics("agents", "name")


async def remember_agent(pool: Pool, agent_id: UUID, name: str, sequence: int) -> None:
    """An agent is called so since this event of its stream."""
    await execute(
        pool,
        """
        insert into agents (agent_id, name, sequence)
        values (%(agent_id)s, %(name)s, %(sequence)s)
        on conflict (agent_id) do update set name = excluded.name, sequence = excluded.sequence
        where agents.sequence < excluded.sequence and not agents.deleted
        """,
        {"agent_id": agent_id, "name": name, "sequence": sequence},
    )


async def forget_agent(pool: Pool, agent_id: UUID, sequence: int) -> None:
    """An agent is gone for good."""
    await execute(
        pool,
        """
        insert into agents (agent_id, name, sequence, deleted)
        values (%(agent_id)s, null, %(sequence)s, true)
        on conflict (agent_id) do update
        set name = null, sequence = excluded.sequence, deleted = true
        """,
        {"agent_id": agent_id, "sequence": sequence},
    )


async def is_gone(pool: Pool, agent_id: UUID) -> bool:
    """Whether chat has heard that an agent was deleted."""
    row = await fetch_one(
        pool, "select deleted from agents where agent_id = %(agent_id)s", {"agent_id": agent_id}
    )
    return row is not None and row[0]


async def remember_user(pool: Pool, user_id: UUID, timezone: str, sequence: int) -> None:
    """A user lives in this time zone since this event of their stream; an erased one nowhere."""
    try:
        await execute(
            pool,
            """
            insert into users (user_id, timezone, sequence)
            values (%(user_id)s, %(timezone)s, %(sequence)s)
            on conflict (user_id) do update
            set timezone = excluded.timezone, sequence = excluded.sequence
            where users.sequence < excluded.sequence
            """,
            {"user_id": user_id, "timezone": timezone, "sequence": sequence},
        )
    except UniqueViolation as error:
        if error.diag.constraint_name != ERASED_USER_CONSTRAINT:
            raise


async def forget_user(pool: Pool, user_id: UUID) -> None:
    """A user is gone for good. Those who would still remember them are refused by now."""
    await execute(pool, "delete from users where user_id = %(user_id)s", {"user_id": user_id})


def living(agent_id: UUID) -> Clause:
    """Guard: chat has not heard of this agent's deletion.

    The lock makes a deletion under way wait, or be seen: either it is refused here, or the session
    that starts is there when the agent's sessions are deleted.
    """
    return Clause(
        "held",
        """
        select 1 from (
            select bool_or(deleted) as gone from (
                select deleted from agents where agent_id = %(living_agent)s for share
            ) known
        ) agent where gone is not true
        """,
        {"living_agent": agent_id},
    )
