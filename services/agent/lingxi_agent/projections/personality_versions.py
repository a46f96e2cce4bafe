"""The read model `personality_versions`: the ledger. A row is written once, and never changed but
that its reason is forgotten."""

from uuid import UUID

from pydantic import TypeAdapter

from lingxi_chassis.erasure import Redaction
from lingxi_chassis.erasure.schema import without_statistics
from lingxi_chassis.eventlog import Projection
from lingxi_chassis.postgres import Pool, Row, execute, fetch_all, fetch_one
from lingxi_chassis.rpc import ANSWER_BYTES_MAX, within_bytes
from lingxi_contracts.agent import (
    PAGE_SIZE_MAX,
    AgentDeleted,
    Evidence,
    GetPersonalityHistory,
    PersonalityChanged,
    PersonalityHistory,
    PersonalityVersion,
)
from lingxi_contracts.errors import AgentNotFound

PAGE_BYTES_MAX = ANSWER_BYTES_MAX - 1024
"""Of the versions on a page; the rest is for what is around them."""

_EVIDENCE = TypeAdapter(tuple[Evidence, ...])

CREATE = (
    # Whose an agent is stands in `agents`. Keyset pages and rollback read by the primary key.
    """
    create table personality_versions (
        agent_id           uuid,
        version            int         check (version >= 1),
        personality_prompt text        not null,
        source             text        not null,
        reason             text,
        confidence         float8,
        evidence           jsonb       not null,
        restored_from      int,
        created_at         timestamptz not null,
        primary key (agent_id, version)
    )
    """,
)

WITHOUT_SAMPLES = without_statistics(
    "personality_versions", "personality_prompt", "reason", "evidence"
)

FOLDS = (
    Projection(
        name="added_versions",
        tags=frozenset({PersonalityChanged.tag}),
        sql="""
            insert into personality_versions
            select l.stream_id, (data->>'version')::int, data->>'personality_prompt',
                   data->>'source', data->>'reason', (data->>'confidence')::float8,
                   data->'evidence', (data->>'restored_from')::int, occurred_at
            from logged l
            where type = 'personality_changed.v1' and data is not null
              and not exists (select from logged d
                              where d.stream_id = l.stream_id and d.type = 'agent_deleted.v1')
            on conflict (agent_id, version) do nothing""",
    ),
    Projection(
        name="deleted_versions",
        tags=frozenset({AgentDeleted.tag}),
        sql="""
            delete from personality_versions where agent_id = any(array(
                select stream_id from logged where type = 'agent_deleted.v1'))""",
    ),
)

# Which session led to a version stands beside it, in its append.
REASONS_OF_SESSION = Redaction(
    events="""e.type = 'personality_changed.v1' and e.data->>'source' in ('auto', 'suggestion')
      and e.occurred_at in (
        select s.occurred_at from events s
        where s.stream_id = %(stream_id)s and s.data->>'session_id' = %(session_id)s
          and (s.type = 'personality_reviewed.v1'
               or s.type = 'personality_suggestion_closed.v1'
                  and s.data->>'outcome' = 'applied'))""",
    left="""e.data || '{"reason": null, "evidence": []}'""",
)


async def forget_reasons(pool: Pool, agent_id: UUID) -> None:
    """Show no reasons but those that the log still tells."""
    await execute(
        pool,
        """
        update personality_versions v set reason = e.data->>'reason', evidence = e.data->'evidence'
        from events e
        where v.agent_id = %(agent_id)s and e.stream_id = %(agent_id)s
          and e.type = 'personality_changed.v1' and (e.data->>'version')::int = v.version
          and (v.reason, v.evidence) is distinct from (e.data->>'reason', e.data->'evidence')
        """,
        {"agent_id": agent_id},
    )


async def get_personality_history(
    pool: Pool, question: GetPersonalityHistory
) -> PersonalityHistory:
    """Versions below `before`, newest first; a page ends early at its byte bound.

    Raises:
        AgentNotFound: unknown, deleted, or another user's.
    """
    rows = await fetch_all(
        pool,
        """
        select v.version, v.personality_prompt, v.source, v.reason, v.confidence,
               v.evidence::text, v.restored_from, v.created_at
        from agents a left join personality_versions v
          on v.agent_id = a.agent_id and v.version < coalesce(%(before)s::int, 2147483647)
        where a.agent_id = %(agent_id)s and a.user_id = %(user_id)s
        order by v.version desc limit %(limit)s
        """,
        {
            "agent_id": question.agent_id,
            "user_id": question.user_id,
            "before": question.before,
            "limit": PAGE_SIZE_MAX,
        },
    )
    if not rows:
        raise AgentNotFound
    found = [_entry(row) for row in rows if row[0] is not None]
    results = within_bytes(found, _size_bytes, PAGE_BYTES_MAX)
    # Versions have no gaps: below the last one shown there are more unless it is the first.
    more = bool(results) and results[-1].version > 1
    return PersonalityHistory(
        results=tuple(results), next_before=results[-1].version if more else None
    )


async def find_text(pool: Pool, agent_id: UUID, version: int) -> str | None:
    """The text of one version. Whose the agent is the caller has made sure of."""
    row = await fetch_one(
        pool,
        "select personality_prompt from personality_versions"
        " where agent_id = %(agent_id)s and version = %(version)s",
        {"agent_id": agent_id, "version": version},
    )
    return None if row is None else row[0]


def _size_bytes(entry: PersonalityVersion) -> int:
    return len(entry.model_dump_json().encode()) + 1  # the comma


def _entry(row: Row) -> PersonalityVersion:
    return PersonalityVersion.model_validate(
        {
            "version": row[0],
            "personality_prompt": row[1],
            "source": row[2],
            "reason": row[3],
            "confidence": row[4],
            "evidence": _EVIDENCE.validate_json(row[5]),
            "restored_from": row[6],
            "created_at": row[7],
        }
    )
