"""How many messages an agent wrote first on a day of its user's, those on their way included.

A place is taken in the append that decides, and given back in the one that settles without sending.
A decision on its way is the event before the one that settles it: meanwhile nothing is decided.
"""

from datetime import date
from uuid import UUID

from lingxi_chassis.eventlog import Clause, Projection
from lingxi_chassis.postgres import Pool, execute, fetch_one
from lingxi_contracts.scheduler import ProactiveDecided, ProactiveSettled
from lingxi_scheduler.projections.neighbours import execute_for_living

DAYS_KEPT = 2
"""Before an agent's newest: moving west across the date line leads as far back."""

CREATE = (
    """
    create table agent_caps (
        agent_id uuid,
        day      date,
        user_id  uuid not null,
        sent     int  not null check (sent >= 0),
        primary key (agent_id, day)
    )
    """,
    # Erasure of an account.
    "create index agent_caps_user on agent_caps (user_id)",
)
REFUSE_ERASED_USERS = """
    create trigger agent_caps_of_living_users before insert on agent_caps
    for each row execute function refuse_erased_user()
"""

_TAKEN = """
    select (data->>'agent_id')::uuid as agent_id, (data->>'counts_for')::date as day, user_id
    from logged where type = 'proactive_decided.v1' and data->>'counts_for' is not null
"""
FOLDS = (
    Projection(
        name="taken_places",
        tags=frozenset({ProactiveDecided.tag}),
        sql=f"""
            insert into agent_caps as c (agent_id, day, user_id, sent)
            select agent_id, day, user_id, count(*) from ({_TAKEN}) taken
            group by agent_id, day, user_id
            on conflict (agent_id, day) do update set sent = c.sent + excluded.sent""",
    ),
    Projection(
        name="freed_places",
        tags=frozenset({ProactiveSettled.tag}),
        # What a replica of the last release took was not counted here.
        sql="""
            update agent_caps c set sent = greatest(c.sent - freed.places, 0)
            from (
                select (d.data->>'agent_id')::uuid as agent_id, (s.data->>'freed')::date as day,
                       count(*) as places
                from logged s
                join events d on d.stream_id = s.stream_id and d.version = s.version - 1
                where s.type = 'proactive_settled.v1' and s.data->>'freed' is not null
                group by 1, 2
            ) freed
            where c.agent_id = freed.agent_id and c.day = freed.day""",
    ),
    Projection(
        name="forgotten_days",
        tags=frozenset({ProactiveDecided.tag}),
        sql=f"""
            delete from agent_caps c
            using (select agent_id, max(day) as day from ({_TAKEN}) taken group by agent_id) newest
            where c.agent_id = newest.agent_id and c.day < newest.day - {DAYS_KEPT}""",
    ),
)


async def sent_on(pool: Pool, agent_id: UUID, day: date) -> int:
    """How many places of an agent's day are taken."""
    row = await fetch_one(
        pool,
        "select sent from agent_caps where agent_id = %(agent_id)s and day = %(day)s",
        {"agent_id": agent_id, "day": day},
    )
    return row[0] if row else 0


async def open_day(pool: Pool, agent_id: UUID, user_id: UUID, day: date) -> bool:
    """See to it that there is a row to lock; False: the user is erased."""
    return await execute_for_living(
        pool,
        "insert into agent_caps (agent_id, day, user_id, sent)"
        " values (%(agent_id)s, %(day)s, %(user_id)s, 0) on conflict do nothing",
        {"agent_id": agent_id, "day": day, "user_id": user_id},
    )


def with_room(guard: Clause, agent_id: UUID, day: date, cap: int) -> Clause:
    """A guard that also wants a place on the day; the row stays locked, so places are not taken by
    two at once."""
    return Clause(
        guard.name,
        f"select 1 from ({guard.sql}) held_watch, (select sent from agent_caps"
        " where agent_id = %(held_agent)s and day = %(held_day)s for update) held_day"
        " where held_day.sent < %(held_cap)s",
        {**guard.params, "held_agent": agent_id, "held_day": day, "held_cap": cap},
    )


async def forget_days(pool: Pool, user_id: UUID) -> None:
    """A user is gone for good."""
    for table in ("agent_caps", "caps"):
        await execute(
            pool, f"delete from {table} where user_id = %(user_id)s", {"user_id": user_id}
        )
