"""How many statements each request costs; a profile is asked for at every turn."""

from collections.abc import Awaitable
from typing import Any
from uuid import UUID

from lingxi_agent import bootstrap
from lingxi_agent.application.change_agent import change_agent
from lingxi_agent.application.change_personality import change_personality
from lingxi_agent.application.create_agent import create_agent
from lingxi_agent.application.delete_agent import delete_agent
from lingxi_agent.application.forget_session import forget_session
from lingxi_agent.application.get_profile import get_profile
from lingxi_agent.application.record_memories import record_memories
from lingxi_agent.application.record_review import record_review
from lingxi_agent.application.roll_back_personality import roll_back_personality
from lingxi_agent.projections.agents import get_agent, list_agents
from lingxi_agent.projections.memories import list_memories
from lingxi_agent.projections.personality_reviews import get_personality_review
from lingxi_agent.projections.personality_suggestions import get_suggestion
from lingxi_agent.projections.personality_versions import get_personality_history
from lingxi_chassis.clock import utc_now
from lingxi_chassis.erasure import Redactor
from lingxi_chassis.ids import new_id
from lingxi_contracts.agent import (
    OWNER,
    ChangeAgent,
    ChangePersonality,
    CreateAgent,
    DeleteAgent,
    GetAgent,
    GetPersonalityHistory,
    GetPersonalityReview,
    GetProfile,
    GetSuggestion,
    LearnedFact,
    ListAgents,
    ListMemories,
    RecordMemories,
    RecordReview,
    RollBackPersonality,
)
from services.agent.tests.component.conftest import RunningAgent


async def test_each_request_costs_its_statements_and_no_more(
    agent: RunningAgent, user_id: UUID
) -> None:
    log = bootstrap.open_log(agent.pool)

    async def statements(work: Awaitable[object]) -> int:
        """The chassis runs one statement for each connection it takes from the pool."""
        agent.pool.pop_stats()
        await work
        return agent.pool.pop_stats()["requests_num"]

    ids: dict[str, Any] = {"user_id": user_id, "agent_id": new_id()}
    any_default = GetProfile(user_id=user_id, agent_id=None)
    at = utc_now()
    session: dict[str, Any] = {"session_id": new_id()}
    at_seq: dict[str, Any] = session | {"to_seq": 20}
    facts = tuple(LearnedFact(text=text, message_ids=(new_id(),)) for text in ("A", "B", "C"))
    learned = RecordMemories(**ids, **session, covers_from=1, covers_up_to=10, facts=facts)
    costs = {
        "create": await statements(create_agent(log, CreateAgent(**ids, agent_name="Mo"), at)),
        "first need": await statements(get_profile(log, any_default, at)),
        "default profile": await statements(get_profile(log, any_default, at)),
        "profile": await statements(get_profile(log, GetProfile(**ids), at)),
        "change": await statements(change_agent(log, ChangeAgent(**ids, patch={"name": "Lu"}), at)),
        "no change": await statements(
            change_agent(log, ChangeAgent(**ids, patch={"name": "Lu"}), at)
        ),
        "personality": await statements(
            change_personality(log, ChangePersonality(**ids, personality_prompt="Kind."), at)
        ),
        "rollback": await statements(
            roll_back_personality(log, RollBackPersonality(**ids, version=1), at)
        ),
        "one": await statements(get_agent(agent.pool, GetAgent(**ids))),
        "list": await statements(
            list_agents(agent.pool, ListAgents(user_id=user_id, offset=0, limit=9))
        ),
        "history": await statements(
            get_personality_history(agent.pool, GetPersonalityHistory(**ids))
        ),
        "review due": await statements(
            get_personality_review(agent.pool, GetPersonalityReview(**ids, **at_seq))
        ),
        "review": await statements(
            record_review(
                log, RecordReview(**ids, **at_seq, based_on_version=1, should_update=False), at
            )
        ),
        "suggestion": await statements(get_suggestion(agent.pool, GetSuggestion(**ids, **session))),
        "three facts": await statements(record_memories(log, learned, at)),
        "three facts again": await statements(record_memories(log, learned, at)),
        "memories": await statements(list_memories(agent.pool, ListMemories(**ids))),
        "profile with memories": await statements(
            get_profile(log, GetProfile(**ids, about="tea"), at)
        ),
        "session gone": await statements(
            forget_session(
                log, Redactor(OWNER, agent.pool, agent.js), user_id, session["session_id"], at
            )
        ),
        "delete": await statements(delete_agent(log, DeleteAgent(**ids), at)),
    }
    assert costs == {
        "create": 1,
        "first need": 3,
        "default profile": 1,
        "profile": 1,
        "change": 2,
        "no change": 1,
        "personality": 2,
        "rollback": 3,
        "one": 1,
        "list": 1,
        "history": 1,
        "review due": 1,
        "review": 4,
        "suggestion": 1,
        "three facts": 6,
        "three facts again": 2,
        "memories": 1,
        "profile with memories": 1,
        # The row, what suggests, the first look, two statements a memory, the last look; the agent,
        # its suggestions, reasons, the ledger; earlier words.
        "session gone": 15,
        "delete": 2,
    }
