"""How many messages agents wrote first on a day of a user's, those on their way included.

A place is taken in the append that decides, and given back in the one that settles without sending.
"""

from datetime import date
from uuid import UUID

from lingxi_chassis.eventlog import Clause, Projection
from lingxi_chassis.postgres import Pool, execute, fetch_one
from lingxi_contracts.scheduler import ProactiveDecided, ProactiveSettled
from lingxi_scheduler.projections.neighbours import execute_for_living

CREATE = (
    """
    create table caps (
        user_id uuid,
        day     date,
        sent    int not null check (sent >= 0),
        primary key (user_id, day)
    )
    """,
)
REFUSE_ERASED_USERS = """
    create trigger caps_of_living_users before insert on caps
    for each row execute function refuse_erased_user()
"""

FOLDS = (
    Projection(
        name="taken_places",
        tags=frozenset({ProactiveDecided.tag}),
        sql="""
            insert into caps as c (user_id, day, sent)
            select user_id, (data->>'counts_for')::date, count(*) from logged
            where type = 'proactive_decided.v1' and data->>'counts_for' is not null
            group by user_id, (data->>'counts_for')::date
            on conflict (user_id, day) do update set sent = c.sent + excluded.sent""",
    ),
    Projection(
        name="freed_places",
        tags=frozenset({ProactiveSettled.tag}),
        sql="""
            update caps c set sent = c.sent - freed.places
            from (
                select user_id, (data->>'freed')::date as day, count(*) as places from logged
                where type = 'proactive_settled.v1' and data->>'freed' is not null
                group by user_id, (data->>'freed')::date
            ) freed
            where c.user_id = freed.user_id and c.day = freed.day""",
    ),
)


async def sent_on(pool: Pool, user_id: UUID, day: date) -> int:
    """How many places of a user's day are taken."""
    row = await fetch_one(
        pool,
        "select sent from caps where user_id = %(user_id)s and day = %(day)s",
        {"user_id": user_id, "day": day},
    )
    return row[0] if row else 0


async def open_day(pool: Pool, user_id: UUID, day: date) -> bool:
    """See to it that there is a row to lock; False: the user is erased."""
    return await execute_for_living(
        pool,
        "insert into caps (user_id, day, sent) values (%(user_id)s, %(day)s, 0)"
        " on conflict do nothing",
        {"user_id": user_id, "day": day},
    )


def with_room(guard: Clause, user_id: UUID, day: date, cap: int) -> Clause:
    """A guard that also wants a place on the day; the row stays locked, so places are not taken by
    two at once."""
    return Clause(
        guard.name,
        f"select 1 from ({guard.sql}) held_watch, (select sent from caps"
        " where user_id = %(held_user)s and day = %(held_day)s for update) held_day"
        " where held_day.sent < %(held_cap)s",
        {**guard.params, "held_user": user_id, "held_day": day, "held_cap": cap},
    )


async def forget_days(pool: Pool, user_id: UUID) -> None:
    """A user is gone for good."""
    await execute(pool, "delete from caps where user_id = %(user_id)s", {"user_id": user_id})
