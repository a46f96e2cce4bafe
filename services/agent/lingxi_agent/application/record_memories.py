"""Record what was learned from the messages of a session."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from uuid import UUID
from weakref import WeakValueDictionary

from lingxi_agent.application.agent_log import AgentLog, load_memory
from lingxi_agent.application.forget_memory import forget
from lingxi_agent.domain import memory
from lingxi_agent.domain.learning import Correct, GiveWay, Record, Step, learn
from lingxi_agent.projections import sessions
from lingxi_agent.projections.memories import known_to
from lingxi_agent.projections.sessions import Heard
from lingxi_chassis.eventlog import Clause, Conflict, GuardLost, again_on_conflict
from lingxi_contracts.agent import RecordMemories
from lingxi_contracts.base import Nothing
from lingxi_contracts.errors import MemoryNotFound, SessionNotFound


async def record_memories(log: AgentLog, command: RecordMemories, at: datetime) -> Nothing:
    """One append a memory; broken off, a repeat does the rest. Once all are there, a repeat finds
    the messages learned from and does nothing.

    Two records for one agent at the same time may both add what the other adds, each as a memory of
    its own: see `one_by_one`.

    Raises:
        AgentNotFound: it is unknown, deleted, or another user's.
        SessionNotFound: the session was deleted meanwhile.
    """
    known = await known_to(log.pool, command.user_id, command.agent_id)
    heard = await sessions.remember_session(log.pool, command.session_id)
    if command.covers_up_to <= heard.learned_up_to:
        return Nothing()
    try:
        for step in learn(known, _of_what_stands(command, heard)):
            await _carry_out(log, command, step, at)
    except GuardLost as error:
        if heard != await sessions.remember_session(log.pool, command.session_id):
            return await record_memories(log, command, at)
        raise SessionNotFound from error
    await sessions.mark_learned(log.pool, command.session_id, command.covers_up_to)
    return Nothing()


def one_by_one() -> Callable[[AgentLog, RecordMemories, datetime], Awaitable[Nothing]]:
    """`record_memories`, an agent's in turn: the second finds what the first has recorded.

    In one process, that is. Two replicas that hear of two ranges within the same milliseconds may
    still know a thing twice, until one of them is corrected or forgotten.
    """
    locks = WeakValueDictionary[UUID, asyncio.Lock]()

    async def record(log: AgentLog, command: RecordMemories, at: datetime) -> Nothing:
        async with locks.setdefault(command.agent_id, asyncio.Lock()):
            return await record_memories(log, command, at)

    return record


def _of_what_stands(command: RecordMemories, heard: Heard) -> RecordMemories:
    """Without messages that were superseded meanwhile: a fact that none is left for is none."""
    facts = tuple(
        fact.model_copy(
            update={
                "message_ids": tuple(one for one in fact.message_ids if one not in heard.superseded)
            }
        )
        for fact in command.facts
    )
    return command.model_copy(update={"facts": facts})


async def _carry_out(log: AgentLog, command: RecordMemories, step: Step, at: datetime) -> None:
    try:
        match step:
            case Record():
                await again_on_conflict(lambda: _record(log, command, step, at))
            case Correct():
                await again_on_conflict(lambda: _correct(log, command, step, at))
            case GiveWay():
                await forget(log, step.memory_id, command.user_id, at)
    except MemoryNotFound:  # forgotten meanwhile
        return


def _guard(command: RecordMemories, step: Record | Correct) -> Clause:
    rests_on = [one.message_id for one in step.evidence]
    return sessions.living(command.agent_id, command.session_id, rests_on)


async def _record(log: AgentLog, command: RecordMemories, step: Record, at: datetime) -> None:
    new = log.new(step.memory_id, command.user_id)
    events = memory.record(command.agent_id, step.text, step.evidence)
    try:
        await log.append(new, events, at, guard=_guard(command, step))
    except Conflict:
        if not await log.exists(step.memory_id):  # else by another, or forgotten since then
            raise


async def _correct(log: AgentLog, command: RecordMemories, step: Correct, at: datetime) -> None:
    snapshot, kept = await load_memory(log, step.memory_id, command.user_id)
    events = memory.correct(kept, step.text, step.evidence)
    await log.append(snapshot, events, at, guard=_guard(command, step))
