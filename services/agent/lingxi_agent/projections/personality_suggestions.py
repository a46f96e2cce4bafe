"""The read model `personality_suggestions`: those that wait for the user."""

from uuid import UUID

from pydantic import TypeAdapter

from lingxi_chassis.erasure import Redaction
from lingxi_chassis.erasure.schema import without_statistics
from lingxi_chassis.eventlog import Projection
from lingxi_chassis.postgres import Pool, Row, fetch_all, fetch_one
from lingxi_contracts.agent import (
    AgentDeleted,
    Evidence,
    GetSuggestion,
    PersonalitySuggested,
    PersonalitySuggestion,
    PersonalitySuggestionClosed,
    SuggestionAnswer,
)
from lingxi_contracts.errors import AgentNotFound

_EVIDENCE = TypeAdapter(tuple[Evidence, ...])

CREATE = (
    """
    create table personality_suggestions (
        suggestion_id         uuid primary key,
        session_id            uuid        not null,
        agent_id              uuid        not null,
        user_id               uuid        not null,
        reason                text        not null,
        suggested_personality text        not null,
        confidence            float8      not null,
        based_on_version      int         not null check (based_on_version >= 1),
        evidence              jsonb       not null,
        created_at            timestamptz not null
    )
    """,
    # GetSuggestion, and a session that is gone.
    "create index personality_suggestions_session on personality_suggestions (session_id)",
    # An agent that is gone.
    "create index personality_suggestions_agent on personality_suggestions (agent_id)",
)
WITHOUT_SAMPLES = without_statistics(
    "personality_suggestions", "reason", "suggested_personality", "evidence"
)

FOLDS = (
    Projection(
        name="made_suggestions",
        tags=frozenset({PersonalitySuggested.tag}),
        sql="""
            insert into personality_suggestions
            select (data->>'suggestion_id')::uuid, (data->>'session_id')::uuid, stream_id, user_id,
                   data->>'reason', data->>'suggested_personality', (data->>'confidence')::float8,
                   (data->>'based_on_version')::int, data->'evidence', occurred_at
            from logged where type = 'personality_suggested.v1' and data is not null
            on conflict (suggestion_id) do nothing""",
    ),
    Projection(
        name="closed_suggestions",
        tags=frozenset({PersonalitySuggestionClosed.tag}),
        sql="""
            delete from personality_suggestions where suggestion_id = any(array(
                select (data->>'suggestion_id')::uuid from logged
                where type = 'personality_suggestion_closed.v1' and data is not null))""",
    ),
    Projection(
        name="deleted_suggestions",
        tags=frozenset({AgentDeleted.tag}),
        sql="""
            delete from personality_suggestions where agent_id = any(array(
                select stream_id from logged where type = 'agent_deleted.v1'))""",
    ),
)

TEXTS_OF_SESSION = Redaction(
    events="e.type = 'personality_suggested.v1' and e.data->>'session_id' = %(session_id)s",
    left="""e.data || '{"reason": "", "suggested_personality": "", "evidence": []}'""",
)

_COLUMNS = """s.suggestion_id, s.session_id, s.reason, s.suggested_personality, s.confidence,
               s.based_on_version, s.evidence::text, s.created_at"""


async def get_suggestion(pool: Pool, question: GetSuggestion) -> SuggestionAnswer:
    """The suggestion of a session that waits. Raises AgentNotFound."""
    row = await fetch_one(
        pool,
        f"""
        select {_COLUMNS} from agents a left join personality_suggestions s
          on s.agent_id = a.agent_id and s.session_id = %(session_id)s
        where a.agent_id = %(agent_id)s and a.user_id = %(user_id)s
        """,
        {
            "agent_id": question.agent_id,
            "user_id": question.user_id,
            "session_id": question.session_id,
        },
    )
    if row is None:
        raise AgentNotFound
    return SuggestionAnswer(suggestion=None if row[0] is None else _suggestion(row))


async def agents_with_suggestion(pool: Pool, user_id: UUID, session_id: UUID) -> list[UUID]:
    """The agents of the user to which a suggestion of the session waits: one, or none."""
    rows = await fetch_all(
        pool,
        "select agent_id from personality_suggestions"
        " where session_id = %(session_id)s and user_id = %(user_id)s",
        {"session_id": session_id, "user_id": user_id},
    )
    return [row[0] for row in rows]


def _suggestion(row: Row) -> PersonalitySuggestion:
    return PersonalitySuggestion(
        suggestion_id=row[0],
        session_id=row[1],
        reason=row[2],
        suggested_personality=row[3],
        confidence=row[4],
        based_on_version=row[5],
        evidence=_EVIDENCE.validate_json(row[6]),
        created_at=row[7],
    )
