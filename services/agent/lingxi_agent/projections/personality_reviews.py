"""The read model `personality_reviews`: how far each session was looked at. It only grows."""

from uuid import UUID

from lingxi_agent.domain.suggestions import Reviewed
from lingxi_chassis.eventlog import Projection
from lingxi_chassis.postgres import Pool, fetch_all, fetch_one
from lingxi_contracts.agent import (
    AgentDeleted,
    GetPersonalityReview,
    PersonalityReview,
    PersonalityReviewed,
    PersonalitySuggestionClosed,
)
from lingxi_contracts.errors import AgentNotFound

CREATE = (
    """
    create table personality_reviews (
        agent_id        uuid,
        session_id      uuid,
        up_to_seq       int not null,
        rests_until_seq int not null,
        primary key (agent_id, session_id)
    )
    """,
)

FOLDS = (
    Projection(
        name="reviewed_sessions",
        tags=frozenset({PersonalityReviewed.tag, PersonalitySuggestionClosed.tag}),
        sql="""
            insert into personality_reviews
            select stream_id, (data->>'session_id')::uuid,
                   coalesce(max((data->>'to_seq')::int), 0),
                   coalesce(max((data->>'rests_until_seq')::int), 0)
            from logged l
            where type in ('personality_reviewed.v1', 'personality_suggestion_closed.v1')
              and data is not null
              and not exists (select from logged d
                              where d.stream_id = l.stream_id and d.type = 'agent_deleted.v1')
            group by stream_id, data->>'session_id'
            on conflict (agent_id, session_id) do update
            set up_to_seq = greatest(personality_reviews.up_to_seq, excluded.up_to_seq),
                rests_until_seq = greatest(
                    personality_reviews.rests_until_seq, excluded.rests_until_seq)""",
    ),
    Projection(
        name="deleted_reviews",
        tags=frozenset({AgentDeleted.tag}),
        sql="""
            delete from personality_reviews where agent_id = any(array(
                select stream_id from logged where type = 'agent_deleted.v1'))""",
    ),
)


async def find_reviewed(pool: Pool, agent_id: UUID, session_id: UUID) -> Reviewed:
    """How far a session was looked at. Whose the agent is the caller has made sure of."""
    row = await fetch_one(
        pool,
        "select up_to_seq, rests_until_seq from personality_reviews"
        " where agent_id = %(agent_id)s and session_id = %(session_id)s",
        {"agent_id": agent_id, "session_id": session_id},
    )
    return Reviewed() if row is None else Reviewed(*row)


async def agents_that_reviewed(pool: Pool, user_id: UUID, session_id: UUID) -> list[UUID]:
    """The agents of the user for which a session was looked at: one, or none."""
    rows = await fetch_all(
        pool,
        "select agent_id from agents join personality_reviews using (agent_id)"
        " where user_id = %(user_id)s and session_id = %(session_id)s",
        {"session_id": session_id, "user_id": user_id},
    )
    return [row[0] for row in rows]


async def get_personality_review(pool: Pool, question: GetPersonalityReview) -> PersonalityReview:
    """Whether a session is to be looked at, and what at. Raises AgentNotFound."""
    row = await fetch_one(
        pool,
        """
        select a.name, a.personality_prompt, a.personality_version,
               coalesce(r.up_to_seq, 0), coalesce(r.rests_until_seq, 0)
        from agents a left join personality_reviews r
          on r.agent_id = a.agent_id and r.session_id = %(session_id)s
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
    return PersonalityReview(
        due=Reviewed(row[3], row[4]).is_due(question.to_seq),
        agent_name=row[0],
        personality_prompt=row[1],
        based_on_version=row[2],
    )
