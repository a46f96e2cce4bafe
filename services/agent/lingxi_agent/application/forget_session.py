"""A session is gone: what was learned from it alone is forgotten, what it suggests lapses."""

from contextlib import suppress
from datetime import datetime
from uuid import UUID

from lingxi_agent.application.agent_log import AgentLog, load, load_memory
from lingxi_agent.domain import memory, suggestions
from lingxi_agent.projections import sessions
from lingxi_agent.projections.memories import some_of_session
from lingxi_agent.projections.personality_suggestions import agents_with_suggestion
from lingxi_chassis.erasure import ERASING
from lingxi_chassis.eventlog import again_on_conflict
from lingxi_contracts.agent import MemoryForgotten
from lingxi_contracts.errors import AgentNotFound, MemoryNotFound


async def forget_session(log: AgentLog, user_id: UUID, session_id: UUID, at: datetime) -> None:
    """Nothing new comes from the session, then what came goes. Stopped half-way, it is simply done
    again."""
    await sessions.forget_session(log.pool, session_id)
    for agent_id in await agents_with_suggestion(log.pool, user_id, session_id):
        with suppress(AgentNotFound):  # deleted meanwhile
            await again_on_conflict(lambda of=agent_id: _lapse(log, of, user_id, session_id, at))
    while memories := await some_of_session(log.pool, user_id, session_id):
        for memory_id in memories:
            with suppress(MemoryNotFound):  # forgotten meanwhile
                await again_on_conflict(
                    lambda of=memory_id: _drop(log, of, user_id, session_id, at)
                )


async def _lapse(
    log: AgentLog, agent_id: UUID, user_id: UUID, session_id: UUID, at: datetime
) -> None:
    snapshot, agent = await load(log, agent_id, user_id)
    await log.append(snapshot, suggestions.lapse(agent, session_id), at)


async def _drop(
    log: AgentLog, memory_id: UUID, user_id: UUID, session_id: UUID, at: datetime
) -> None:
    snapshot, kept = await load_memory(log, memory_id, user_id)
    events = memory.drop_session(kept, session_id)
    gone = any(isinstance(event, MemoryForgotten) for event in events)
    effects = (ERASING,) if gone else ()
    await log.append(snapshot, events, at, effects=effects, erase=gone)
