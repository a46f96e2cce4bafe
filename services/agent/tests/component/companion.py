"""What tests of the companion say to agent."""

from typing import Any
from uuid import UUID

from lingxi_agent import bootstrap
from lingxi_agent.application.forget_session import forget_session
from lingxi_chassis.clock import utc_now
from lingxi_chassis.erasure import Redactor
from lingxi_chassis.ids import new_id
from lingxi_contracts.agent import (
    OWNER,
    AgentParameters,
    AgentView,
    CreateAgent,
    Evidence,
    LearnedFact,
    ListMemories,
    MemoryView,
    RecordMemories,
    RecordReview,
)
from lingxi_contracts.errors import Unavailable
from services.agent.tests.component.conftest import RunningAgent
from tests.fixtures.waiting import eventually


async def create(agent: RunningAgent, user_id: UUID, **parameters: Any) -> AgentView:
    """An agent that says `Kind.`"""
    command = CreateAgent(
        user_id=user_id,
        agent_id=new_id(),
        agent_name=f"Mo {new_id()}",
        personality_prompt="Kind.",
        parameters=AgentParameters(**parameters),
    )
    return await agent.rpc.call(command)


def review(
    of: AgentView, user_id: UUID, session_id: UUID, to_seq: int = 20, **changed: Any
) -> RecordReview:
    """A review that suggests a change, not surely enough to be applied by itself."""
    found: dict[str, Any] = {
        "based_on_version": of.personality_version,
        "should_update": True,
        "reason": "You like it short.",
        "suggested_personality": "Kind and short.",
        "confidence": 0.5,
        "evidence": (Evidence(session_id=session_id, message_id=new_id()),),
    }
    return RecordReview(
        user_id=user_id,
        agent_id=of.agent_id,
        session_id=session_id,
        to_seq=to_seq,
        **(found | changed),
    )


def learned(
    of: AgentView,
    user_id: UUID,
    session_id: UUID,
    *texts: str,
    covers_from: int = 1,
    replaces: UUID | None = None,
) -> RecordMemories:
    """What was learned from ten messages, each from a message of its own."""
    return RecordMemories(
        user_id=user_id,
        agent_id=of.agent_id,
        session_id=session_id,
        covers_from=covers_from,
        covers_up_to=covers_from + 9,
        facts=tuple(
            LearnedFact(text=text, message_ids=(new_id(),), replaces=replaces) for text in texts
        ),
    )


async def forgets(agent: RunningAgent, user_id: UUID, session_id: UUID) -> None:
    """Agent hears that a session is gone; again, as long as something is away."""
    log = bootstrap.open_log(agent.pool)
    redactor = Redactor(OWNER, agent.pool, agent.js)

    async def done() -> bool:
        try:
            await forget_session(log, redactor, user_id, session_id, utc_now())
        except Unavailable:
            return False
        return True

    await eventually(done)


async def memories(agent: RunningAgent, user_id: UUID, agent_id: UUID) -> list[MemoryView]:
    """All of an agent's memories, oldest first, in small pages."""
    found: list[MemoryView] = []
    question = ListMemories(user_id=user_id, agent_id=agent_id, limit=50)
    for _ in range(10):
        page = await agent.rpc.call(question)
        found += page.results
        if page.next_after is None:
            return found
        question = question.model_copy(update={"after": page.next_after})
    raise AssertionError("the pages do not end")
