"""What scheduler keeps of other owners: agents' manners, users' time zones.

Folded from their events; each row remembers the sequence it is from, so that late and repeated
events change nothing. A deleted agent stays deleted, by a row of its ids alone; of an erased user
no row is made any more.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.errors import UniqueViolation
from pydantic import TypeAdapter

from lingxi_chassis.erasure import ERASED_USER_CONSTRAINT
from lingxi_chassis.postgres import Pool, execute, fetch_one
from lingxi_scheduler.domain.manners import Manners

MANNERS = TypeAdapter(Manners)

CREATE = (
    # `manners` null: the agent is deleted.
    """
    create table agents (
        agent_id   uuid primary key,
        user_id    uuid        not null,
        sequence   int         not null,
        changed_at timestamptz not null,
        manners    jsonb
    )
    """,
    # Erasure of an account.
    "create index agents_user on agents (user_id)",
    """
    create table users (
        user_id    uuid primary key,
        sequence   int         not null,
        changed_at timestamptz not null,
        timezone   text        not null
    )
    """,
    *(
        f"""
        create trigger {table}_of_living_users before insert on {table}
        for each row execute function refuse_erased_user()
        """
        for table in ("agents", "users")
    ),
)


async def execute_for_living(pool: Pool, sql: str, params: Mapping[str, Any]) -> bool:
    """Run a statement that makes a row of a user's; False: the user is erased."""
    try:
        await execute(pool, sql, params)
    except UniqueViolation as error:
        if error.diag.constraint_name != ERASED_USER_CONSTRAINT:
            raise
        return False
    return True


async def remember_agent(
    pool: Pool, agent_id: UUID, user_id: UUID, manners: Manners, *, sequence: int, at: datetime
) -> bool:
    """An agent has these manners since this event of its stream; whether it still has."""
    await execute_for_living(
        pool,
        """
        insert into agents (agent_id, user_id, sequence, changed_at, manners)
        values (%(agent_id)s, %(user_id)s, %(sequence)s, %(at)s, %(manners)s::jsonb)
        on conflict (agent_id) do update
        set sequence = excluded.sequence, changed_at = excluded.changed_at,
            manners = excluded.manners
        where agents.sequence < excluded.sequence and agents.manners is not null
        """,
        {
            "agent_id": agent_id,
            "user_id": user_id,
            "sequence": sequence,
            "at": at,
            "manners": MANNERS.dump_json(manners).decode(),
        },
    )
    sql = "select 1 from agents where agent_id = %(agent_id)s and sequence = %(sequence)s"
    return await fetch_one(pool, sql, {"agent_id": agent_id, "sequence": sequence}) is not None


async def forget_agent(pool: Pool, agent_id: UUID, user_id: UUID, at: datetime) -> None:
    """An agent is gone for good."""
    await execute_for_living(
        pool,
        """
        insert into agents (agent_id, user_id, sequence, changed_at)
        values (%(agent_id)s, %(user_id)s, 0, %(at)s)
        on conflict (agent_id) do update
        set sequence = 0, changed_at = excluded.changed_at, manners = null
        """,
        {"agent_id": agent_id, "user_id": user_id, "at": at},
    )


async def remember_user(
    pool: Pool, user_id: UUID, timezone: str, sequence: int, at: datetime
) -> bool:
    """A user lives in this time zone since this event of their stream; whether they still do."""
    await execute_for_living(
        pool,
        """
        insert into users (user_id, sequence, changed_at, timezone)
        values (%(user_id)s, %(sequence)s, %(at)s, %(timezone)s)
        on conflict (user_id) do update
        set sequence = excluded.sequence, changed_at = excluded.changed_at,
            timezone = excluded.timezone
        where users.sequence < excluded.sequence
        """,
        {"user_id": user_id, "sequence": sequence, "at": at, "timezone": timezone},
    )
    sql = "select 1 from users where user_id = %(user_id)s and sequence = %(sequence)s"
    return await fetch_one(pool, sql, {"user_id": user_id, "sequence": sequence}) is not None


async def forget_user(pool: Pool, user_id: UUID) -> None:
    """A user is gone for good. Those who would still remember them are refused by now."""
    for table in ("agents", "users"):
        await execute(
            pool, f"delete from {table} where user_id = %(user_id)s", {"user_id": user_id}
        )
