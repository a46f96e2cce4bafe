"""The index that messages are recalled by: what is written to it, and how it goes with a session.

A row a message: fingerprints of its terms, never its text. It is filled in the background, session
by session in order of seq; `recall_progress` says how far. Unlike other read models it is no fold
within the append: a post costs nothing more for it.

Invariants:
1. All messages of a session up to `terms_up_to` are in the index, and none after it: progress
   moves by compare-and-set, in the statement that writes the rows.
2. Of a deleted session there is no row. Who writes holds the session's row against its deletion;
   the trigger of the tombstone, whose snapshot is newer than the tombstone's own, deletes then.
"""

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

import orjson

from lingxi_chassis.erasure.schema import without_statistics
from lingxi_chassis.postgres import Pool, execute, fetch_all, fetch_one

BATCH_MESSAGES = 100
PAGE_SESSIONS = 500
INDEXED_CHARS_MAX = 8_000
"""Of one message; what comes after is not found by."""

CREATE = (
    """
    create table recall_progress (
        session_id      uuid primary key,
        user_id         uuid not null,
        agent_id        uuid not null,
        terms_up_to     int  not null default 0 check (terms_up_to >= 0),
        embedded_up_to  int  not null default 0 check (embedded_up_to >= 0),
        embedding_model text check (embedding_model is not null or embedded_up_to = 0)
    )
    """,
    # How much there is of a pair of user and agent.
    "create index recall_progress_pair on recall_progress (agent_id, user_id)",
    """
    create table message_terms (
        session_id uuid     not null,
        seq        int      not null,
        user_id    uuid     not null,
        terms      bigint[] not null,
        primary key (session_id, seq)
    )
    """,
    # Messages with a term. Fingerprints are an agent's own, so this is by agent. Without the list
    # of pending entries, which every search would read.
    "create index message_terms_terms on message_terms using gin (terms) with (fastupdate = off)",
    without_statistics("message_terms", "terms"),
    """
    create function forget_recall() returns trigger language plpgsql as $$
    begin
        delete from message_terms where session_id = new.stream_id;
        delete from recall_progress where session_id = new.stream_id;
        if to_regclass('message_embeddings') is not null then
            execute 'delete from message_embeddings where session_id = $1' using new.stream_id;
        end if;
        return null;
    end $$
    """,
    """
    create trigger streams_forget_recall after update on streams
    for each row when (old.state is not null and new.state is null)
    execute function forget_recall()
    """,
)


@dataclass(frozen=True, slots=True)
class Mark:
    """How far a session is indexed: an expression of its progress, null or 0 for not at all."""

    sql: str
    params: Mapping[str, object]


TERMS = Mark("terms_up_to", {})


@dataclass(frozen=True, slots=True)
class Unindexed:
    """The messages of one session after `after` up to `up_to`, at most a batch; texts by seq."""

    session_id: UUID
    agent_id: UUID
    after: int
    up_to: int
    texts: Mapping[int, str]


async def next_unindexed(
    pool: Pool, session_id: UUID, to_seq: int, mark: Mark = TERMS
) -> Unindexed | None:
    """The next batch of a session up to a seq; None: there is nothing, or no session."""
    rows = await fetch_all(
        pool,
        f"""
        select s.agent_id, p.after, m.seq, left(m.text, {INDEXED_CHARS_MAX})
        from sessions s
        cross join lateral (
            select coalesce(max({mark.sql}), 0) as after
            from recall_progress where session_id = s.session_id
        ) p
        cross join lateral (
            select seq, text from messages
            where session_id = s.session_id and seq > p.after and seq <= %(to_seq)s
            order by seq limit {BATCH_MESSAGES}
        ) m
        where s.session_id = %(session_id)s
        order by m.seq
        """,
        {"session_id": session_id, "to_seq": to_seq, **mark.params},
    )
    if not rows:
        return None
    texts = {row[2]: row[3] for row in rows}
    return Unindexed(session_id, rows[0][0], rows[0][1], rows[-1][2], texts)


async def put_terms(pool: Pool, batch: Unindexed, terms: Mapping[int, Sequence[int]]) -> bool:
    """Index a batch, fingerprints by seq; whether it was still the next one."""
    rows = [{"seq": seq, "terms": found} for seq, found in terms.items() if found]
    moved = await fetch_one(
        pool,
        """
        with living as (
            select session_id, user_id, agent_id from sessions
            where session_id = %(session_id)s for key share
        ), moved as (
            insert into recall_progress (session_id, user_id, agent_id, terms_up_to)
            select session_id, user_id, agent_id, %(up_to)s from living
            where %(after)s = 0 or exists (
                select from recall_progress where session_id = %(session_id)s
            )
            on conflict (session_id) do update set terms_up_to = excluded.terms_up_to
            where recall_progress.terms_up_to = %(after)s
            returning session_id, user_id
        ), put as (
            insert into message_terms (session_id, seq, user_id, terms)
            select moved.session_id, one.seq, moved.user_id, one.terms
            from moved, jsonb_to_recordset(%(rows)s::jsonb) as one (seq int, terms bigint[])
        )
        select session_id from moved
        """,
        {
            "session_id": batch.session_id,
            "after": batch.after,
            "up_to": batch.up_to,
            "rows": orjson.dumps(rows).decode(),
        },
    )
    return moved is not None


async def unindexed_sessions(pool: Pool, mark: Mark = TERMS) -> AsyncGenerator[UUID]:
    """The sessions with messages after their mark. It looks at all sessions, by pages."""
    after = UUID(int=0)
    while True:
        rows = await fetch_all(
            pool,
            f"""
            select page.session_id, exists (
                select from messages m
                where m.session_id = page.session_id and m.seq > coalesce({mark.sql}, 0)
            )
            from (
                select session_id from sessions where session_id > %(after)s
                order by session_id limit {PAGE_SESSIONS}
            ) page left join recall_progress using (session_id) order by page.session_id
            """,
            {"after": after, **mark.params},
        )
        for session_id, is_behind in rows:
            if is_behind:
                yield session_id
        if len(rows) < PAGE_SESSIONS:
            return
        after = rows[-1][0]


async def forget_index(pool: Pool) -> None:
    """Begin anew: nothing is indexed any more, of no session."""
    await execute(
        pool,
        """
        do $$ begin
            truncate message_terms, recall_progress;
            if to_regclass('message_embeddings') is not null then
                truncate message_embeddings;
            end if;
        end $$
        """,
        {},
    )
