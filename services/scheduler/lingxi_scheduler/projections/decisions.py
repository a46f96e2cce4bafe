"""The read model `decisions`: the log that a user reads, why the agent wrote and why it did not.

A decision to write has no outcome until it is settled, and is not shown before. The text is not
kept here: it becomes a message, or nothing.
"""

from lingxi_chassis.erasure.schema import without_statistics
from lingxi_chassis.eventlog import Projection
from lingxi_chassis.postgres import Pool, fetch_all
from lingxi_contracts.scheduler import (
    DecisionPage,
    DecisionView,
    ListDecisions,
    ProactiveDecided,
    ProactiveSettled,
    WatchEnded,
)

CREATE = (
    """
    create table decisions (
        decision_id uuid primary key,
        session_id  uuid        not null,
        user_id     uuid        not null,
        version     int         not null,
        decided_at  timestamptz not null,
        outcome     text,
        reason      text        not null,
        gate        text,
        message_id  uuid,
        next_at     timestamptz
    )
    """,
    # ListDecisions: newest first.
    "create index decisions_listed on decisions (session_id, version)",
)
WITHOUT_SAMPLES = without_statistics("decisions", "reason")

FOLDS = (
    Projection(
        name="listed_decisions",
        tags=frozenset({ProactiveDecided.tag}),
        # A decision may be settled in the append that makes it.
        sql="""
            insert into decisions
            select (d.data->>'decision_id')::uuid, d.stream_id, d.user_id, d.version, d.occurred_at,
                   coalesce(s.data->>'outcome',
                            case when d.data->>'gate' is not null then 'skipped' end),
                   d.data->>'reason', d.data->>'gate', null, (d.data->>'next_at')::timestamptz
            from logged d
            left join logged s on s.type = 'proactive_settled.v1'
                and s.data->>'decision_id' = d.data->>'decision_id'
            where d.type = 'proactive_decided.v1' and d.data is not null
              and not exists (select from logged e
                              where e.stream_id = d.stream_id and e.type = 'watch_ended.v1')
            on conflict (decision_id) do nothing""",
    ),
    Projection(
        name="settled_decisions",
        tags=frozenset({ProactiveSettled.tag}),
        # What became of it says why, but where it was sent: there the agent's reason stands. Of a
        # session that ends, the rows are deleted in the same statement, and must not be touched.
        sql="""
            update decisions d
            set outcome = s.data->>'outcome', message_id = (s.data->>'message_id')::uuid,
                reason = case when s.data->>'outcome' = 'sent' then d.reason
                              else s.data->>'reason' end
            from logged s
            where s.type = 'proactive_settled.v1'
              and not exists (select from logged e
                              where e.stream_id = s.stream_id and e.type = 'watch_ended.v1')
              and d.decision_id = (s.data->>'decision_id')::uuid""",
    ),
    Projection(
        name="unlisted_decisions",
        tags=frozenset({WatchEnded.tag}),
        sql="""
            delete from decisions where session_id = any(array(
                select stream_id from logged where type = 'watch_ended.v1'))""",
    ),
)

_PAGE = """
    select decision_id, decided_at, outcome, reason, gate, message_id, next_at from decisions
    where session_id = %(session_id)s and user_id = %(user_id)s and outcome is not null
      and (%(before)s::uuid is null or version < (
            select version from decisions
            where decision_id = %(before)s and session_id = %(session_id)s))
    order by version desc limit %(more)s
"""


async def list_decisions(pool: Pool, question: ListDecisions) -> DecisionPage:
    """The decisions about a session of the user, newest first; of an unknown one none."""
    rows = await fetch_all(
        pool,
        _PAGE,
        {
            "session_id": question.session_id,
            "user_id": question.user_id,
            "before": question.before,
            "more": question.limit + 1,
        },
    )
    results = tuple(
        DecisionView(
            decision_id=row[0],
            at=row[1],
            outcome=row[2],
            reason=row[3],
            gate=row[4],
            message_id=row[5],
            next_at=row[6],
        )
        for row in rows[: question.limit]
    )
    more = len(rows) > len(results)
    return DecisionPage(results=results, next_before=results[-1].decision_id if more else None)
