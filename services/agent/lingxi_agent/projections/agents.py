"""The read model `agents`: a row for each living agent, with all that is shown of it.

The unique name is what makes names unique. A rebuild folds many agents in one statement, where two
may swap names: it fills a table without that constraint and adds it at the end.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from lingxi_chassis.erasure.schema import without_statistics
from lingxi_chassis.eventlog import Projection
from lingxi_chassis.fitting import fitting
from lingxi_chassis.postgres import Pool, Row, fetch_all, fetch_one
from lingxi_chassis.rpc import ANSWER_BYTES_MAX, within_bytes
from lingxi_contracts.agent import (
    DEFAULT_AGENT_NAME,
    PROFILE_MEMORIES_CHARS_MAX,
    AgentChanged,
    AgentCreated,
    AgentDeleted,
    AgentPage,
    AgentParameters,
    AgentPlace,
    AgentProfile,
    AgentTimings,
    AgentView,
    AgentWalk,
    GetAgent,
    GetProfile,
    ListAgents,
    PersonalityChanged,
    WalkAgents,
)
from lingxi_contracts.errors import AgentNotFound

NAME_CONSTRAINT = "agents_user_name_key"
PAGE_BYTES_MAX = ANSWER_BYTES_MAX - 1024
"""Of the agents on a page; the rest is for what is around them."""
BEFORE_ALL = datetime.min.replace(tzinfo=UTC)

CREATE = (
    f"""
    create table agents (
        agent_id            uuid primary key,
        user_id             uuid        not null,
        name                text        not null,
        parameters          jsonb       not null,
        timings             jsonb,
        personality_prompt  text        not null,
        personality_version int         not null check (personality_version >= 0),
        created_at          timestamptz not null,
        updated_at          timestamptz not null,
        constraint {NAME_CONSTRAINT} unique (user_id, name)
    )
    """,
    # ListAgents: a user's agents, oldest first.
    "create index agents_listed on agents (user_id, created_at, agent_id)",
)
WITHOUT_SAMPLES = without_statistics(
    "agents", "name", "parameters", "timings", "personality_prompt"
)

FOLDS = (
    Projection(
        name="folded_agents",
        tags=frozenset({AgentCreated.tag, AgentChanged.tag, PersonalityChanged.tag}),
        # Creation and first personality come in one batch: the row is made of the newest of each
        # kind, and of what it was before where the batch has none. Erased events have no data; of
        # an agent that is being erased only the last ones may have some. Of reviews and memories
        # it knows nothing.
        sql="""
            insert into agents
            select l.stream_id, l.user_id,
                   coalesce(l.described->>'name', old.name),
                   coalesce(l.described->'parameters', old.parameters),
                   case when l.described is null then old.timings
                        else nullif(l.described->'timings', 'null') end,
                   coalesce(l.spoken->>'personality_prompt', old.personality_prompt, ''),
                   coalesce((l.spoken->>'version')::int, old.personality_version, 0),
                   coalesce(l.created_at, old.created_at),
                   l.updated_at
            from (
                select stream_id, user_id,
                       (array_agg(data order by version desc) filter (where
                           type in ('agent_created.v1', 'agent_changed.v1')))[1] as described,
                       (array_agg(data order by version desc) filter (where
                           type = 'personality_changed.v1'))[1] as spoken,
                       min(occurred_at) filter (where type = 'agent_created.v1') as created_at,
                       (array_agg(occurred_at order by version desc))[1] as updated_at
                from logged
                where type in ('agent_created.v1', 'agent_changed.v1', 'personality_changed.v1',
                               'agent_deleted.v1')
                group by stream_id, user_id
                having bool_and(data is not null and type <> 'agent_deleted.v1')
            ) l left join agents old on old.agent_id = l.stream_id
            where l.described is not null or old.agent_id is not null
            on conflict (agent_id) do update
            set name = excluded.name, parameters = excluded.parameters,
                timings = excluded.timings, personality_prompt = excluded.personality_prompt,
                personality_version = excluded.personality_version,
                updated_at = excluded.updated_at""",
    ),
    Projection(
        name="deleted_agents",
        tags=frozenset({AgentDeleted.tag}),
        sql="""
            delete from agents where agent_id = any(array(
                select stream_id from logged where type = 'agent_deleted.v1'))""",
    ),
)

_PROFILE = """
    select agent_id, name, parameters::text, personality_prompt, personality_version,
           array(select m.text from memories m where m.agent_id = agents.agent_id
                 order by m.updated_at desc, m.memory_id)
    from agents where user_id = %(user_id)s and """
_PROFILE_BY_ID = _PROFILE + "agent_id = %(agent_id)s"
_PROFILE_BY_NAME = _PROFILE + "name = %(name)s"

_ONE = """
    select agent_id, name, parameters::text, timings::text, personality_prompt,
           personality_version, created_at, updated_at
    from agents where agent_id = %(agent_id)s and user_id = %(user_id)s"""

# The count stands beside the page: it is there when the page is empty.
_PAGE = """
    select (select count(*) from agents where user_id = %(user_id)s), page.*
    from (select) as one_row left join (
        select agent_id, name, parameters::text, timings::text, personality_prompt,
               personality_version, created_at, updated_at
        from agents where user_id = %(user_id)s
        order by created_at, agent_id offset %(offset)s limit %(limit)s
    ) page on true
    order by page.created_at, page.agent_id"""


async def find_profile(pool: Pool, question: GetProfile) -> AgentProfile | None:
    """The profile of one agent of the user, without an id of the one named `default`.

    Of its memories those that fit the question, newest first where they fit alike. One statement:
    each turn asks.
    """
    row = await fetch_one(
        pool,
        _PROFILE_BY_NAME if question.agent_id is None else _PROFILE_BY_ID,
        {
            "user_id": question.user_id,
            "agent_id": question.agent_id,
            "name": DEFAULT_AGENT_NAME,
        },
    )
    if row is None:
        return None
    memories = fitting(row[5], question.about, PROFILE_MEMORIES_CHARS_MAX)
    return AgentProfile(
        agent_id=row[0],
        name=row[1],
        parameters=AgentParameters.model_validate_json(row[2]),
        personality_prompt=row[3],
        personality_version=row[4],
        memories=memories,
        memories_complete=len(memories) == len(row[5]),
    )


async def get_agent(pool: Pool, question: GetAgent) -> AgentView:
    """One agent of the user. Raises AgentNotFound."""
    row = await fetch_one(
        pool,
        _ONE,
        {"agent_id": question.agent_id, "user_id": question.user_id},
    )
    if row is None:
        raise AgentNotFound
    return _view(row)


_WALK = """
    select agent_id, name, parameters::text, timings::text, personality_prompt,
           personality_version, created_at, updated_at
    from agents where user_id = %(user_id)s and (created_at, agent_id) > (%(at)s, %(after)s)
    order by created_at, agent_id limit %(more)s"""


async def walk_agents(pool: Pool, question: WalkAgents) -> AgentWalk:
    """The user's agents after a place, oldest first; it may end early at its byte bound."""
    after = question.after or AgentPlace(created_at=BEFORE_ALL, agent_id=UUID(int=0))
    rows = await fetch_all(
        pool,
        _WALK,
        {
            "user_id": question.user_id,
            "at": after.created_at,
            "after": after.agent_id,
            "more": question.limit + 1,
        },
    )
    found = [_view(row) for row in rows[: question.limit]]
    results = within_bytes(found, _size_bytes, PAGE_BYTES_MAX)
    more = len(results) < len(rows)
    last = (
        AgentPlace(created_at=results[-1].created_at, agent_id=results[-1].agent_id)
        if more
        else None
    )
    return AgentWalk(results=tuple(results), next_after=last)


async def list_agents(pool: Pool, question: ListAgents) -> AgentPage:
    """A page of the user's agents, oldest first; it may end early at its byte bound."""
    rows = await fetch_all(
        pool,
        _PAGE,
        {"user_id": question.user_id, "offset": question.offset, "limit": question.limit},
    )
    count: int = rows[0][0]
    found = [_view(row[1:]) for row in rows if row[1] is not None]
    results = within_bytes(found, _size_bytes, PAGE_BYTES_MAX)
    following = question.offset + len(results)
    more = bool(results) and following < count
    return AgentPage(count=count, results=tuple(results), next_offset=following if more else None)


def _size_bytes(view: AgentView) -> int:
    return len(view.model_dump_json().encode()) + 1  # the comma


def _view(row: Row | Sequence[Any]) -> AgentView:
    return AgentView(
        agent_id=row[0],
        name=row[1],
        parameters=AgentParameters.model_validate_json(row[2]),
        timings=row[3] and AgentTimings.model_validate_json(row[3]),
        personality_prompt=row[4],
        personality_version=row[5],
        created_at=row[6],
        updated_at=row[7],
    )
