"""What 0.1.0 counted: the messages of all of a user's agents together, by day.

Written for replicas of that release, which decide on it; nothing reads it here. The release after
this one drops it.
"""

from lingxi_chassis.eventlog import Projection
from lingxi_contracts.scheduler import ProactiveDecided, ProactiveSettled

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
        name="taken_of_users",
        tags=frozenset({ProactiveDecided.tag}),
        sql="""
            insert into caps as c (user_id, day, sent)
            select user_id, (data->>'counts_for')::date, count(*) from logged
            where type = 'proactive_decided.v1' and data->>'counts_for' is not null
            group by user_id, (data->>'counts_for')::date
            on conflict (user_id, day) do update set sent = c.sent + excluded.sent""",
    ),
    Projection(
        name="freed_of_users",
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
