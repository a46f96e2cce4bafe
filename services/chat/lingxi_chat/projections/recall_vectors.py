"""The meanings of messages, as vectors of an embedding model: table, writes, search.

The table is there only where the extension `vector` is: where Postgres has none, messages are
recalled by their terms alone. Its rows come and go with the index (`recall`), session by session in
order of seq. A vector is compared with those of the same model alone; another model's are written
over.

A search compares all of a pair's vectors: exact, whatever else is in the table, and linear in what
this pair has said (see the decision record).
"""

from collections.abc import Mapping, Sequence

import orjson

from lingxi_chassis.postgres import Pool, execute, fetch_all, fetch_one
from lingxi_chat.domain.recalling import Found, fit_of_likeness
from lingxi_chat.projections.recall import INDEXED_CHARS_MAX, Mark, Unindexed
from lingxi_chat.projections.recall_search import Search, found_in, params_of

ALIKE_MAX = 12

CREATE = """
    do $$ begin
        if to_regclass('message_embeddings') is not null then
            return;
        end if;
        if to_regtype('halfvec') is null
           and exists (select from pg_available_extensions where name = 'vector') then
            begin
                create extension vector;
            exception when insufficient_privilege then
                raise notice 'the extension vector is there, but not ours to create';
            end;
        end if;
        if to_regtype('halfvec') is null then
            return;
        end if;
        create table message_embeddings (
            session_id uuid    not null,
            seq        int     not null,
            user_id    uuid    not null,
            agent_id   uuid    not null,
            model      text    not null,
            embedding  halfvec not null,
            primary key (session_id, seq)
        );
        -- In the row while it fits: a search reads them all.
        alter table message_embeddings
            alter column embedding set storage main, alter column embedding set statistics 0;
        -- All of a pair, for the search.
        create index message_embeddings_pair on message_embeddings (agent_id, user_id, model);
    end $$
"""
"""Repeatable: the extension may come later."""

_SEARCH = f"""
    with mine as materialized (
        select session_id, seq, -(embedding <#> %(asked)s::halfvec) as likeness
        from message_embeddings
        where agent_id = %(agent_id)s and user_id = %(user_id)s and model = %(model)s
          and vector_dims(embedding) = %(dimensions)s
    ), whole as (
        select count(*) as messages, avg(likeness) as mean, stddev_pop(likeness) as deviation
        from mine
    ), alike as (
        select * from mine where session_id <> %(session_id)s or seq < %(window_from)s
        order by likeness desc limit 4 * {ALIKE_MAX}
    )
    select m.session_id, m.seq, m.author, left(m.text, {INDEXED_CHARS_MAX}), m.sent_at,
           (a.likeness - whole.mean) / whole.deviation, whole.messages
    from alike a join messages m using (session_id, seq), whole
    where m.superseded_by is null and whole.deviation > 0
      and (m.author = 'user' or %(without_turn)s::uuid is null
               or m.turn_id is distinct from %(without_turn)s)
    order by a.likeness desc limit {ALIKE_MAX}
"""


def embedded(model: str) -> Mark:
    """How far a session's vectors are of this model."""
    sql = "case when embedding_model = %(model)s then embedded_up_to end"
    return Mark(sql, {"model": model})


async def ensure_vectors(pool: Pool) -> bool:
    """Make the table if there can be one; whether there is."""
    await execute(pool, CREATE, {})
    found = await fetch_one(pool, "select to_regclass('message_embeddings') is not null", {})
    return found is not None and bool(found[0])


async def put_vectors(
    pool: Pool, batch: Unindexed, model: str, vectors: Mapping[int, Sequence[float]]
) -> bool:
    """Index a batch, vectors of length one by seq; whether it was still the next one."""
    rows = [
        {"seq": seq, "embedding": orjson.dumps(vector).decode()} for seq, vector in vectors.items()
    ]
    moved = await fetch_one(
        pool,
        """
        with living as (
            select session_id, user_id, agent_id from sessions
            where session_id = %(session_id)s for key share
        ), moved as (
            insert into recall_progress as p
                (session_id, user_id, agent_id, embedded_up_to, embedding_model)
            select session_id, user_id, agent_id, %(up_to)s, %(model)s from living
            where %(after)s = 0 or exists (
                select from recall_progress where session_id = %(session_id)s
            )
            on conflict (session_id) do update
            set embedded_up_to = excluded.embedded_up_to, embedding_model = excluded.embedding_model
            where %(after)s = case when p.embedding_model = %(model)s then p.embedded_up_to
                              else 0 end
            returning session_id, user_id, agent_id
        ), put as (
            insert into message_embeddings
                (session_id, seq, user_id, agent_id, model, embedding)
            select moved.session_id, one.seq, moved.user_id, moved.agent_id, %(model)s,
                   one.embedding::halfvec
            from moved, jsonb_to_recordset(%(rows)s::jsonb) as one (seq int, embedding text)
            on conflict (session_id, seq) do update
            set model = excluded.model, embedding = excluded.embedding
        )
        select session_id from moved
        """,
        {
            "session_id": batch.session_id,
            "after": batch.after,
            "up_to": batch.up_to,
            "model": model,
            "rows": orjson.dumps(rows).decode(),
        },
    )
    return moved is not None


async def search_vectors(
    pool: Pool, search: Search, model: str, asked: Sequence[float]
) -> list[Found]:
    """The messages that are most alike to a vector, best first, fitting or not."""
    params = {
        "asked": orjson.dumps(asked).decode(),
        "dimensions": len(asked),
        "model": model,
    }
    rows = await fetch_all(pool, _SEARCH, params_of(search) | params)
    return [found_in(row[:5], fit_of_likeness(*row[5:])) for row in rows]
