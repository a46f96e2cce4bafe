"""The read model `memories`: what agents know about their users."""

from collections.abc import Sequence
from uuid import UUID

from pydantic import TypeAdapter

from lingxi_agent.domain.learning import Known
from lingxi_chassis.erasure import Redaction
from lingxi_chassis.erasure.schema import without_statistics
from lingxi_chassis.eventlog import Projection
from lingxi_chassis.postgres import Pool, Row, fetch_all
from lingxi_chassis.rpc import ANSWER_BYTES_MAX, within_bytes
from lingxi_contracts.agent import (
    Evidence,
    ListMemories,
    MemoryChanged,
    MemoryForgotten,
    MemoryPage,
    MemoryRecorded,
    MemoryView,
)
from lingxi_contracts.errors import AgentNotFound

PAGE_BYTES_MAX = ANSWER_BYTES_MAX - 1024
"""Of the memories on a page; the rest is for what is around them."""
BATCH_MEMORIES_MAX = 100

_EVIDENCE = TypeAdapter(tuple[Evidence, ...])

CREATE = (
    """
    create table memories (
        memory_id  uuid primary key,
        agent_id   uuid        not null,
        user_id    uuid        not null,
        text       text        not null,
        evidence   jsonb       not null,
        by_user    bool        not null,
        created_at timestamptz not null,
        updated_at timestamptz not null
    )
    """,
    # ListMemories: an agent's memories, oldest first; the profile, learning, an agent that is gone.
    "create index memories_listed on memories (agent_id, created_at, memory_id)",
    # A session that is gone.
    "create index memories_user on memories (user_id)",
)
WITHOUT_SAMPLES = without_statistics("memories", "text", "evidence")

FOLDS = (
    Projection(
        name="kept_memories",
        tags=frozenset({MemoryRecorded.tag, MemoryChanged.tag}),
        # Each event tells all of a memory; the row is made of the newest.
        sql="""
            insert into memories
            select l.stream_id, (l.newest->>'agent_id')::uuid, l.user_id, l.newest->>'text',
                   l.newest->'evidence', coalesce((l.newest->>'by_user')::bool, false),
                   coalesce(l.created_at, old.created_at), l.updated_at
            from (
                select stream_id, user_id, (array_agg(data order by version desc))[1] as newest,
                       min(occurred_at) filter (where type = 'memory_recorded.v1') as created_at,
                       (array_agg(occurred_at order by version desc))[1] as updated_at
                from logged
                where type in ('memory_recorded.v1', 'memory_changed.v1', 'memory_forgotten.v1')
                group by stream_id, user_id
                having bool_and(data is not null and type <> 'memory_forgotten.v1')
            ) l left join memories old on old.memory_id = l.stream_id
            where l.created_at is not null or old.memory_id is not null
            on conflict (memory_id) do update
            set text = excluded.text, evidence = excluded.evidence, by_user = excluded.by_user,
                updated_at = excluded.updated_at""",
    ),
    Projection(
        name="forgotten_memories",
        tags=frozenset({MemoryForgotten.tag}),
        sql="""
            delete from memories where memory_id = any(array(
                select stream_id from logged where type = 'memory_forgotten.v1'))""",
    ),
)

# What they rest on stays: by that they are found again.
EARLIER_TEXTS_OF_SESSION = Redaction(
    events="""e.type in ('memory_recorded.v1', 'memory_changed.v1')
        and not coalesce((e.data->>'by_user')::bool, false)
        and e.data->'evidence' @> jsonb_build_array(
            jsonb_build_object('session_id', %(session_id)s::text))
        and e.version < (select version from streams where stream_id = %(stream_id)s)""",
    left="""e.data || '{"text": ""}'""",
)

# The place of a memory stays when it is forgotten: its first event tells when that was.
_PAGE = """
    select m.memory_id, m.agent_id, m.text, m.evidence::text, m.created_at, m.updated_at, m.by_user
    from agents a left join memories m
      on m.agent_id = a.agent_id and (%(after)s::uuid is null or (m.created_at, m.memory_id) > (
          (select occurred_at from events where stream_id = %(after)s and version = 1), %(after)s))
    where a.agent_id = %(agent_id)s and a.user_id = %(user_id)s
    order by m.created_at, m.memory_id limit %(more)s"""


async def list_memories(pool: Pool, question: ListMemories) -> MemoryPage:
    """What an agent knows, oldest first; a page may end early at its byte bound.

    Raises:
        AgentNotFound: unknown, deleted, or another user's.
    """
    rows = await fetch_all(
        pool,
        _PAGE,
        {
            "agent_id": question.agent_id,
            "user_id": question.user_id,
            "after": question.after,
            "more": question.limit + 1,
        },
    )
    if not rows:
        raise AgentNotFound
    found = [_view(row) for row in rows if row[0] is not None]
    results = within_bytes(found[: question.limit], _size_bytes, PAGE_BYTES_MAX)
    more = len(results) < len(found)
    return MemoryPage(results=tuple(results), next_after=results[-1].memory_id if more else None)


async def known_to(pool: Pool, user_id: UUID, agent_id: UUID) -> list[Known]:
    """All that an agent knows, oldest first. Raises AgentNotFound."""
    rows = await fetch_all(
        pool,
        """
        select m.memory_id, m.text, m.by_user
        from agents a left join memories m on m.agent_id = a.agent_id
        where a.agent_id = %(agent_id)s and a.user_id = %(user_id)s
        order by m.created_at, m.memory_id
        """,
        {"agent_id": agent_id, "user_id": user_id},
    )
    if not rows:
        raise AgentNotFound
    return [Known(*row) for row in rows if row[0] is not None]


async def some_of_agent(pool: Pool, agent_id: UUID) -> list[UUID]:
    """Memories of an agent, at most `BATCH_MEMORIES_MAX`."""
    rows = await fetch_all(
        pool,
        "select memory_id from memories where agent_id = %(agent_id)s limit %(limit)s",
        {"agent_id": agent_id, "limit": BATCH_MEMORIES_MAX},
    )
    return [row[0] for row in rows]


async def some_of_session(
    pool: Pool,
    user_id: UUID,
    session_id: UUID,
    message_ids: Sequence[UUID] | None = None,
    *,
    after: UUID,
) -> list[UUID]:
    """Memories that rest on a session, too, or on these messages of it: at most
    `BATCH_MEMORIES_MAX`, in order, those after one."""
    rows = await fetch_all(
        pool,
        """
        select memory_id from memories where user_id = %(user_id)s and memory_id > %(after)s
          and evidence @> jsonb_build_array(jsonb_build_object('session_id', %(session_id)s::text))
          and (%(message_ids)s::text[] is null or exists (
              select from jsonb_array_elements(evidence) one
              where one->>'message_id' = any (%(message_ids)s)))
        order by memory_id limit %(limit)s
        """,
        {
            "user_id": user_id,
            "session_id": str(session_id),
            "message_ids": None if message_ids is None else [str(one) for one in message_ids],
            "after": after,
            "limit": BATCH_MEMORIES_MAX,
        },
    )
    return [row[0] for row in rows]


async def that_rested_on(pool: Pool, user_id: UUID, session_id: UUID) -> list[UUID]:
    """Living memories of the user whose words, now or earlier, came from a session."""
    rows = await fetch_all(
        pool,
        """
        select distinct stream_id from memories m join events e on e.stream_id = m.memory_id
        where m.user_id = %(user_id)s and e.data->'evidence' @> jsonb_build_array(
            jsonb_build_object('session_id', %(session_id)s::text))
        """,
        {"user_id": user_id, "session_id": str(session_id)},
    )
    return [row[0] for row in rows]


def _size_bytes(view: MemoryView) -> int:
    return len(view.model_dump_json().encode()) + 1  # the comma


def _view(row: Row) -> MemoryView:
    return MemoryView(
        memory_id=row[0],
        agent_id=row[1],
        text=row[2],
        evidence=_EVIDENCE.validate_json(row[3]),
        created_at=row[4],
        updated_at=row[5],
        by_user=row[6],
    )
