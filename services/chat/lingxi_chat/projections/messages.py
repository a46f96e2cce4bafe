"""The messages of all sessions: table, fold, and the questions asked of it.

`turn_id` of an agent's message is the turn that said it; of a user's message the turn that
answered it, or failed to, and `news` what was new then. `critical` is what a flagged one tells.
Whether it was read follows from the session's watermarks. What was superseded is kept, and shown
to whom asks for it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from lingxi_chassis.erasure.schema import without_statistics
from lingxi_chassis.eventlog import Projection
from lingxi_chassis.postgres import Pool, Row, fetch_all, fetch_one
from lingxi_chat.domain.session import Session
from lingxi_contracts.chat import (
    Critical,
    ListMessages,
    MessageFlagged,
    MessagePosted,
    MessageSent,
    MessagesSuperseded,
    MessageView,
    News,
    SessionDeleted,
    TurnCompleted,
    TurnFailed,
    TurnStopped,
)

BUBBLES_READ_MAX = 20

CREATE = (
    """
    create table messages (
        session_id   uuid        not null,
        seq          int         not null check (seq >= 1),
        message_id   uuid        not null,
        user_id      uuid        not null,
        author       text        not null check (author in ('user', 'agent')),
        sent_at      timestamptz not null,
        text         text        not null,
        request_hash text        check ((request_hash is not null) = (author = 'user')),
        turn_id      uuid,
        proactive_id uuid,
        bubble       int         check ((bubble is not null) = (author = 'agent')),
        delay_ms     int         check ((delay_ms is not null) = (author = 'agent')),
        superseded_by uuid,
        news         text[],
        critical     jsonb,
        primary key (session_id, seq),
        constraint messages_said_because check (
            case author when 'agent' then (turn_id is null) <> (proactive_id is null)
                        else proactive_id is null end
        ),
        constraint messages_critical check (critical is null or author = 'user')
    )
    """,
    # A repeat of a post, wherever it was posted.
    "create unique index messages_message_id_key on messages (message_id, user_id)",
    # The answer to a message, however long ago it was.
    "create index messages_turn on messages (turn_id) where author = 'agent'",
)
WITHOUT_SAMPLES = without_statistics("messages", "text", "critical")

_ENDS = frozenset({TurnCompleted.tag, TurnFailed.tag, TurnStopped.tag})
_AN_END = f"type in ('{TurnCompleted.tag}', '{TurnFailed.tag}', '{TurnStopped.tag}')"
_OF_THEIR_USERS = "user_id = any (array (select user_id from logged))"
"""By the key of `message_id` and user alone. Were the session asked for, a table that was never
analysed would be read by its other key, too: all there is of the session, for each message."""
_CRITICAL = """
    case when flag.data is not null then jsonb_build_object(
        'critical_type', flag.data->'critical_type', 'text', flag.data->'text',
        'links', flag.data->'links') end
"""

PROJECTIONS = (
    Projection(
        "said",
        frozenset({MessagePosted.tag, MessageSent.tag}),
        f"""
        insert into messages (session_id, seq, message_id, user_id, author, sent_at, text,
                              request_hash, turn_id, proactive_id, bubble, delay_ms, critical)
        select one.stream_id, (one.data->>'seq')::int, (one.data->>'message_id')::uuid, one.user_id,
               case one.type when '{MessagePosted.tag}' then 'user' else 'agent' end,
               one.occurred_at, one.data->>'text', one.data->>'request_hash',
               (one.data->>'turn_id')::uuid, (one.data->>'proactive_id')::uuid,
               (one.data->>'bubble')::int, (one.data->>'delay_ms')::int, {_CRITICAL}
        from logged one
        left join logged flag on flag.type = '{MessageFlagged.tag}'
             and flag.stream_id = one.stream_id
             and flag.data->>'message_id' = one.data->>'message_id'
        where one.type in ('{MessagePosted.tag}', '{MessageSent.tag}')
        """,
    ),
    # One update for both: a turn's end may tell them of the same message, and of two changes of a
    # row in one statement only one happens.
    Projection(
        "answered_or_flagged",
        _ENDS | {MessageFlagged.tag},
        f"""
        update messages
        set (turn_id, news) = (
                select coalesce(ended.turn_id, messages.turn_id),
                       coalesce(ended.news, messages.news)
                from (select) as one_row left join (
                    select (data->>'turn_id')::uuid as turn_id,
                           array(select jsonb_array_elements_text(data->'news')) as news
                    from logged
                    where {_AN_END}
                      and stream_id = messages.session_id
                      and data->'answers' ? messages.message_id::text
                    order by version desc limit 1
                ) ended on true
            ),
            critical = coalesce((
                select {_CRITICAL} from logged flag
                where flag.type = '{MessageFlagged.tag}'
                  and flag.stream_id = messages.session_id
                  and flag.data->>'message_id' = messages.message_id::text
                order by flag.version limit 1
            ), messages.critical)
        where message_id = any (array (
            select jsonb_array_elements_text(data->'answers')::uuid from logged where {_AN_END}
            union all
            select (data->>'message_id')::uuid from logged where type = '{MessageFlagged.tag}'
        )) and {_OF_THEIR_USERS}
        """,
    ),
    Projection(
        "superseded",
        frozenset({MessagesSuperseded.tag}),
        f"""
        update messages
        set superseded_by = (
            select (data->>'by_turn_id')::uuid from logged
            where type = '{MessagesSuperseded.tag}'
              and stream_id = messages.session_id
              and data->'message_ids' ? messages.message_id::text
            order by version desc limit 1
        )
        where message_id = any (array (
            select jsonb_array_elements_text(data->'message_ids')::uuid from logged
            where type = '{MessagesSuperseded.tag}'
        )) and {_OF_THEIR_USERS}
        """,
    ),
    Projection(
        "unsaid",
        frozenset({SessionDeleted.tag}),
        f"""
        delete from messages where session_id = any (array (
            select stream_id from logged where type = '{SessionDeleted.tag}'
        ))
        """,
    ),
)

VIEW_COLUMNS = (
    "m.message_id, m.seq, m.sent_at, m.author, m.text, m.turn_id, m.bubble, m.delay_ms,"
    " m.superseded_by, m.proactive_id is not null, m.critical->>'critical_type'"
)
"""The columns that `message_view` takes, of a table `m`."""


def message_view(row: Row, session: Session) -> MessageView:
    """A row of `VIEW_COLUMNS` as its readers see it."""
    message_id, seq, sent_at, author, text, turn_id, bubble, delay_ms, superseded_by = row[:9]
    proactive, critical_type = row[9:]
    return MessageView.model_construct(
        message_id=message_id,
        seq=seq,
        sent_at=sent_at,
        author=author,
        text=text,
        read=seq <= (session.read_up_to if author == "agent" else session.taken_up_to),
        turn_id=turn_id,
        bubble=bubble,
        delay_ms=delay_ms,
        superseded_by=superseded_by,
        proactive=proactive,
        critical_type=critical_type,
    )


async def list_messages(pool: Pool, question: ListMessages) -> list[Row]:
    """Rows ascending by seq, at most `limit`: right after `after`, else the newest `before`."""
    newest_first = question.after is None
    rows = await fetch_all(
        pool,
        f"""
        select {VIEW_COLUMNS} from messages m
        where m.session_id = %(session_id)s and m.seq > %(after)s and m.seq < %(before)s
          and (m.superseded_by is null or %(superseded)s)
        order by m.seq {"desc" if newest_first else "asc"} limit %(limit)s
        """,
        {
            "session_id": question.session_id,
            "after": question.after or 0,
            "before": question.before or 2**31 - 1,
            "superseded": question.superseded,
            "limit": question.limit,
        },
    )
    return rows[::-1] if newest_first else rows


async def newest_of(
    pool: Pool, session_ids: Sequence[UUID], limit: int
) -> Mapping[UUID, Sequence[Row]]:
    """The newest rows of each session, ascending by seq, at most `limit` of each."""
    rows = await fetch_all(
        pool,
        f"""
        select m.session_id, {VIEW_COLUMNS}
        from unnest(%(session_ids)s::uuid[]) as one (session_id)
        cross join lateral (
            select * from messages where session_id = one.session_id and superseded_by is null
            order by seq desc limit %(limit)s
        ) m
        order by m.seq
        """,
        {"session_ids": session_ids, "limit": limit},
    )
    found: dict[UUID, list[Row]] = {session_id: [] for session_id in session_ids}
    for session_id, *row in rows:
        found[session_id].append(tuple(row))
    return found


# The turn's messages by their index, whatever the planner thinks of the session's: no join.
ANSWER_SQL = f"""
    select {VIEW_COLUMNS} from messages m
    where m.author = 'agent' and m.session_id = %(session_id)s and m.turn_id = (
        select turn_id from messages where message_id = %(message_id)s
          and session_id = %(session_id)s and author = 'user')
    order by m.seq limit {BUBBLES_READ_MAX}"""


async def answer_rows(pool: Pool, session_id: UUID, message_id: UUID) -> list[Row]:
    """The bubbles of the turn that answered a message."""
    return await fetch_all(pool, ANSWER_SQL, {"session_id": session_id, "message_id": message_id})


@dataclass(frozen=True, slots=True)
class Posted:
    """A user's message: the turn that answered it, or failed to, and what was new by then."""

    turn_id: UUID | None
    news: tuple[News, ...]
    critical: Critical | None


async def posted_message(
    pool: Pool, user_id: UUID, session_id: UUID, message_id: UUID
) -> Posted | None:
    """A user's message; None: there is no such message."""
    row = await fetch_one(
        pool,
        "select turn_id, news, critical from messages where message_id = %(message_id)s"
        " and user_id = %(user_id)s and session_id = %(session_id)s and author = 'user'",
        {"message_id": message_id, "user_id": user_id, "session_id": session_id},
    )
    if row is None:
        return None
    turn_id, news, critical = row
    return Posted(turn_id, tuple(news or ()), critical and Critical.model_validate(critical))


async def messages_there(
    pool: Pool, user_id: UUID, session_id: UUID, message_ids: Sequence[UUID]
) -> frozenset[UUID]:
    """Which of these are messages of the session, superseded ones too."""
    rows = await fetch_all(
        pool,
        "select message_id from messages where message_id = any (%(message_ids)s)"
        " and user_id = %(user_id)s and session_id = %(session_id)s",
        {"message_ids": list(message_ids), "user_id": user_id, "session_id": session_id},
    )
    return frozenset(row[0] for row in rows)


@dataclass(frozen=True, slots=True)
class Found:
    """What there is already for a post. Version 0: no such session; state None: erased, or
    another user's. `request_hash` (of the user's), `repeat_session` and `repeat_seq` are set if the
    message is there."""

    version: int
    state: str | None
    request_hash: str | None
    repeat_session: UUID | None
    repeat_seq: int | None


async def find_repeat(pool: Pool, user_id: UUID, session_id: UUID, message_id: UUID) -> Found:
    """The session a message is for, and the message itself if it was posted before."""
    row = await fetch_one(
        pool,
        """
        select s.version, case when s.user_id = %(user_id)s then s.state::text end,
               m.request_hash, m.session_id, m.seq
        from (select 1) as one
        left join streams s on s.stream_id = %(session_id)s
        left join messages m on m.message_id = %(message_id)s and m.user_id = %(user_id)s
        """,
        {"user_id": user_id, "session_id": session_id, "message_id": message_id},
    )
    return Found(row[0] or 0, *row[1:]) if row else Found(0, None, None, None, None)


@dataclass(frozen=True, slots=True)
class Reading:
    """A session, and how far one of its messages is: `seq` None if it is not one of them.

    `unread_count` and `first_unread_id` tell the agent's messages after it and after what the user
    has read before.
    """

    version: int
    state: str
    seq: int | None
    unread_count: int
    first_unread_id: UUID | None


async def reading(pool: Pool, user_id: UUID, session_id: UUID, up_to: UUID) -> Reading | None:
    """What reading up to a message would leave, as of one moment; None: no such session."""
    row = await fetch_one(
        pool,
        """
        select s.version, s.state::text, u.seq, unread.count, unread.first_id
        from streams s
        left join messages u on u.message_id = %(up_to)s and u.user_id = s.user_id
             and u.session_id = s.stream_id
        left join lateral (
            select count(*), (array_agg(message_id order by seq))[1] as first_id
            from messages m
            where m.session_id = s.stream_id and m.author = 'agent' and m.superseded_by is null
              and m.seq > greatest(u.seq, (s.state->>'read_up_to')::int)
        ) unread on true
        where s.stream_id = %(session_id)s and s.user_id = %(user_id)s and s.state is not null
        """,
        {"user_id": user_id, "session_id": session_id, "up_to": up_to},
    )
    return Reading(*row) if row else None
