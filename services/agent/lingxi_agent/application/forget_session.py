"""A session is gone, or messages of it: what was learned from these is forgotten.

With a session, what it suggests lapses. What nobody took over is erased where it was told, too:
suggestions, the reasons of versions that came of them (the versions are the agent's, and stay),
earlier words of memories that live on.
"""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from uuid import UUID

from lingxi_agent.application.agent_log import AgentLog, load, load_memory
from lingxi_agent.domain import memory, suggestions
from lingxi_agent.domain.memory import Events, Memory
from lingxi_agent.projections import sessions
from lingxi_agent.projections.memories import (
    EARLIER_TEXTS_OF_SESSION,
    some_of_session,
    that_rested_on,
)
from lingxi_agent.projections.personality_reviews import agents_that_reviewed
from lingxi_agent.projections.personality_suggestions import (
    TEXTS_OF_SESSION,
    agents_with_suggestion,
)
from lingxi_agent.projections.personality_versions import REASONS_OF_SESSION, forget_reasons
from lingxi_chassis.erasure import ERASING, Redactor
from lingxi_chassis.eventlog import again_on_conflict
from lingxi_contracts.agent import MemoryForgotten
from lingxi_contracts.errors import AgentNotFound, MemoryNotFound


async def forget_session(
    log: AgentLog, redactor: Redactor, user_id: UUID, session_id: UUID, at: datetime
) -> None:
    """Nothing new comes from the session, then what came goes: first from all that is shown.
    Stopped half-way, it is simply done again.

    Raises:
        Unavailable: as `Redactor.redact`.
    """
    await sessions.forget_session(log.pool, session_id)
    for agent_id in await agents_with_suggestion(log.pool, user_id, session_id):
        with suppress(AgentNotFound):  # deleted meanwhile
            await again_on_conflict(lambda of=agent_id: _lapse(log, of, user_id, session_id, at))
    drop = partial(memory.drop_session, session_id=session_id)
    await _drop(log, user_id, partial(some_of_session, log.pool, user_id, session_id), drop, at)
    await _redact(log, redactor, user_id, session_id)


async def forget_messages(
    log: AgentLog, user_id: UUID, session_id: UUID, message_ids: Sequence[UUID], at: datetime
) -> None:
    """Messages of a session were replaced by others: nothing new rests on them, then what rested
    on them does no more."""
    await sessions.supersede(log.pool, session_id, message_ids)
    some = partial(some_of_session, log.pool, user_id, session_id, message_ids)
    await _drop(log, user_id, some, partial(memory.drop_messages, message_ids=message_ids), at)


async def _redact(log: AgentLog, redactor: Redactor, user_id: UUID, session_id: UUID) -> None:
    of_session = {"session_id": str(session_id)}
    for agent_id in await agents_that_reviewed(log.pool, user_id, session_id):
        await redactor.redact(agent_id, TEXTS_OF_SESSION, of_session)
        await redactor.redact(agent_id, REASONS_OF_SESSION, of_session)
        await forget_reasons(log.pool, agent_id)
    for memory_id in await that_rested_on(log.pool, user_id, session_id):
        await redactor.redact(memory_id, EARLIER_TEXTS_OF_SESSION, of_session)


async def _lapse(
    log: AgentLog, agent_id: UUID, user_id: UUID, session_id: UUID, at: datetime
) -> None:
    snapshot, agent = await load(log, agent_id, user_id)
    await log.append(snapshot, suggestions.lapse(agent, session_id), at)


async def _drop(
    log: AgentLog,
    user_id: UUID,
    some: Callable[..., Awaitable[list[UUID]]],
    drop: Callable[[Memory], Events],
    at: datetime,
) -> None:
    """From each of `some` memories, page by page."""

    async def attempt(memory_id: UUID) -> None:
        snapshot, kept = await load_memory(log, memory_id, user_id)
        events = drop(kept)
        gone = any(isinstance(event, MemoryForgotten) for event in events)
        effects = (ERASING,) if gone else ()
        await log.append(snapshot, events, at, effects=effects, erase=gone)

    after = UUID(int=0)
    while memories := await some(after=after):
        for memory_id in memories:
            with suppress(MemoryNotFound):  # forgotten meanwhile
                await again_on_conflict(partial(attempt, memory_id))
        after = memories[-1]
