"""The summaries of all sessions: table, fold, and the questions asked of it.

The newest of a session stands; those before it are what it falls back to. One that was withdrawn is
gone.
"""

from uuid import UUID

from lingxi_chassis.erasure.schema import without_statistics
from lingxi_chassis.eventlog import Projection
from lingxi_chassis.postgres import Pool, fetch_one
from lingxi_contracts.chat import SessionDeleted, SummaryWithdrawn, SummaryWritten

CREATE = (
    """
    create table summaries (
        session_id   uuid        not null,
        covers_up_to int         not null,
        covers_from  int         not null check (covers_from between 1 and covers_up_to),
        version      int         not null,
        written_at   timestamptz not null,
        title        text        not null,
        summary      text        not null,
        primary key (session_id, covers_up_to)
    )
    """,
)
WITHOUT_SAMPLES = without_statistics("summaries", "title", "summary")

PROJECTIONS = (
    Projection(
        "summarised",
        frozenset({SummaryWritten.tag}),
        f"""
        insert into summaries
            (session_id, covers_up_to, covers_from, version, written_at, title, summary)
        select distinct on (stream_id, (data->>'covers_up_to')::int)
               stream_id, (data->>'covers_up_to')::int, (data->>'covers_from')::int, version,
               occurred_at, data->>'title', data->>'summary'
        from logged where type = '{SummaryWritten.tag}'
        order by stream_id, (data->>'covers_up_to')::int, version desc
        on conflict (session_id, covers_up_to) do update
        set covers_from = excluded.covers_from, version = excluded.version,
            written_at = excluded.written_at, title = excluded.title, summary = excluded.summary
        where summaries.version < excluded.version
        """,
    ),
    Projection(
        "withdrawn",
        frozenset({SummaryWithdrawn.tag}),
        f"""
        delete from summaries using logged
        where logged.type = '{SummaryWithdrawn.tag}'
          and summaries.session_id = logged.stream_id
          and summaries.covers_up_to > (logged.data->>'covers_up_to')::int
          and summaries.version < logged.version
        """,
    ),
    Projection(
        "unsummarised",
        frozenset({SessionDeleted.tag}),
        f"""
        delete from summaries where session_id = any (array (
            select stream_id from logged where type = '{SessionDeleted.tag}'
        ))
        """,
    ),
)

STANDING = """
    (select summary from summaries where session_id = {session_id}
     order by covers_up_to desc limit 1)
"""
"""The text that stands in a session, of a query that knows it as `session_id`; null: none."""


async def standing_summary(pool: Pool, session_id: UUID, covers_up_to: int) -> str:
    """The text of the summary up to there; empty if there is none, or none any more."""
    if covers_up_to == 0:
        return ""
    row = await fetch_one(
        pool,
        "select summary from summaries"
        " where session_id = %(session_id)s and covers_up_to = %(covers_up_to)s",
        {"session_id": session_id, "covers_up_to": covers_up_to},
    )
    return row[0] if row else ""
