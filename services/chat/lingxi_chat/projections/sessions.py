"""The sessions of a user, for listing and searching: table, fold, and the questions asked of it.

The row holds what a list is ordered and filtered by; everything else is in the snapshot, which the
fold copies it from.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from pydantic import TypeAdapter

from lingxi_chassis.erasure.schema import without_statistics
from lingxi_chassis.eventlog import Projection
from lingxi_chassis.postgres import Pool, Row, fetch_all, fetch_one
from lingxi_chat.domain.session import Session
from lingxi_chat.projections.messages import VIEW_COLUMNS, message_view
from lingxi_chat.projections.summaries import STANDING
from lingxi_contracts.chat import (
    ListSessions,
    MessagePosted,
    MessageSent,
    SessionDeleted,
    SessionRenamed,
    SessionStarted,
    SessionView,
    SummaryWritten,
    TurnView,
)

SESSION = TypeAdapter(Session)

CREATE = (
    """
    create table sessions (
        session_id       uuid primary key,
        user_id          uuid        not null,
        agent_id         uuid        not null,
        title            text        not null,
        started_at       timestamptz not null,
        last_activity_at timestamptz not null
    )
    """,
    # Lists, by start and by activity; the id breaks ties.
    "create index sessions_started on sessions (user_id, started_at, session_id)",
    "create index sessions_activity on sessions (user_id, last_activity_at, session_id)",
    # An agent's deletion takes its sessions along.
    "create index sessions_agent on sessions (agent_id)",
)
WITHOUT_SAMPLES = without_statistics("sessions", "title")

PROJECTIONS = (
    Projection(
        "listed",
        frozenset(
            {
                SessionStarted.tag,
                SessionRenamed.tag,
                SummaryWritten.tag,
                MessagePosted.tag,
                MessageSent.tag,
            }
        ),
        """
        insert into sessions (session_id, user_id, agent_id, title, started_at, last_activity_at)
        select stream_id, user_id, (state->>'agent_id')::uuid, state->>'title',
               (state->>'started_at')::timestamptz, (state->>'last_activity_at')::timestamptz
        from appended where state is not null
        on conflict (session_id) do update
        set title = excluded.title, last_activity_at = excluded.last_activity_at
        """,
    ),
    Projection(
        "unlisted",
        frozenset({SessionDeleted.tag}),
        f"""
        delete from sessions where session_id = any (array (
            select stream_id from logged where type = '{SessionDeleted.tag}'
        ))
        """,
    ),
)

_ORDERS = {"started": "started_at", "activity": "last_activity_at"}
_FILTER = """
    x.user_id = %(user_id)s
    and (%(agent_id)s::uuid is null or x.agent_id = %(agent_id)s)
    and (%(like)s::text is null or x.title ilike %(like)s)
"""
_SELECT = f"""
    select x.session_id, s.state::text, a.name,
           {STANDING.format(session_id="x.session_id")}, r.suggestion_id, r.checked_at,
           {VIEW_COLUMNS}
    from sessions x
    join streams s on s.stream_id = x.session_id
    left join agents a on a.agent_id = x.agent_id
    left join reviews r on r.session_id = x.session_id
    left join lateral (
        select * from messages where session_id = x.session_id order by seq desc limit 1
    ) m on true
"""


@dataclass(frozen=True, slots=True)
class Listed:
    """A session as its readers see it, and the state behind it."""

    view: SessionView
    session: Session


async def list_sessions(pool: Pool, question: ListSessions) -> tuple[int, list[Listed]]:
    """How many sessions match, and the page of them, newest first."""
    pattern = "".join("\\" + char if char in "\\%_" else char for char in question.query)
    params = {
        "user_id": question.user_id,
        "agent_id": question.agent_id,
        "like": f"%{pattern}%" if question.query else None,
        "limit": question.limit,
        "offset": question.offset,
    }
    order = _ORDERS[question.order]
    rows = await fetch_all(
        pool,
        f"""{_SELECT} where {_FILTER}
        order by x.{order} desc, x.session_id desc limit %(limit)s offset %(offset)s""",
        params,
    )
    if question.offset == 0 and len(rows) < question.limit:
        return len(rows), [_listed(row) for row in rows]
    count = await fetch_one(pool, f"select count(*) from sessions x where {_FILTER}", params)
    return count[0] if count else 0, [_listed(row) for row in rows]


async def walk_sessions(
    pool: Pool, user_id: UUID, after: tuple[datetime, UUID], limit: int
) -> list[SessionView]:
    """A user's sessions after a place `(started_at, session_id)`, oldest first."""
    rows = await fetch_all(
        pool,
        f"""{_SELECT} where x.user_id = %(user_id)s
        and (x.started_at, x.session_id) > (%(started_at)s, %(session_id)s)
        order by x.started_at, x.session_id limit %(limit)s""",
        {"user_id": user_id, "started_at": after[0], "session_id": after[1], "limit": limit},
    )
    return [_listed(row).view for row in rows]


async def get_session(pool: Pool, user_id: UUID, session_id: UUID) -> SessionView | None:
    """One session of a user."""
    row = await fetch_one(
        pool,
        f"{_SELECT} where x.session_id = %(session_id)s and x.user_id = %(user_id)s",
        {"session_id": session_id, "user_id": user_id},
    )
    return _listed(row).view if row else None


async def sessions_of_agent(
    pool: Pool, agent_id: UUID, limit: int, after: UUID
) -> list[tuple[UUID, UUID]]:
    """`(session_id, user_id)` of an agent's sessions, in order, those after one."""
    rows = await fetch_all(
        pool,
        "select session_id, user_id from sessions"
        " where agent_id = %(agent_id)s and session_id > %(after)s"
        " order by session_id limit %(limit)s",
        {"agent_id": agent_id, "limit": limit, "after": after},
    )
    return [(row[0], row[1]) for row in rows]


def _listed(row: Row) -> Listed:
    """A row of `_SELECT`."""
    session_id, state, agent_name, summary, suggestion_id, checked_at, *message = row
    session = SESSION.validate_json(state)
    view = SessionView(
        session_id=session_id,
        agent_id=session.agent_id,
        agent_name=agent_name or session.agent_name,
        title=session.title,
        started_at=session.started_at,
        last_activity_at=session.last_activity_at,
        message_count=session.last_seq - session.superseded_count,
        unread_count=session.unread_count,
        first_unread_id=session.first_unread_id,
        last_message=message_view(tuple(message), session) if message[0] else None,
        turn=turn_view(session),
        summary=summary or "",
        covers_up_to=session.marks.covers_up_to,
        suggestion_id=suggestion_id,
        personality_checked_at=checked_at,
    )
    return Listed(view, session)


def turn_view(session: Session) -> TurnView | None:
    """The newest turn while it is open or failed."""
    turn = session.turn
    if turn is None:
        return None
    return TurnView(
        turn_id=turn.turn_id,
        status="failed" if turn.failure else "open",
        code=turn.failure,
        detail=turn.detail,
        retryable=turn.retryable,
    )
