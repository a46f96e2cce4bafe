"""Forget a memory for good."""

from datetime import datetime
from uuid import UUID

from lingxi_agent.application.agent_log import AgentLog, load_memory
from lingxi_agent.domain import memory
from lingxi_chassis.erasure import ERASING
from lingxi_chassis.eventlog import again_on_conflict
from lingxi_contracts.agent import ForgetMemory
from lingxi_contracts.base import Nothing


async def forget_memory(log: AgentLog, command: ForgetMemory, at: datetime) -> Nothing:
    """It is gone from all that is shown; the rest is due for erasure.

    Raises:
        AgentNotFound.
        MemoryNotFound: for a repeat too.
    """
    await forget(log, command.memory_id, command.user_id, at, of_agent=command.agent_id)
    return Nothing()


async def forget(
    log: AgentLog, memory_id: UUID, user_id: UUID, at: datetime, *, of_agent: UUID | None = None
) -> None:
    """Append the tombstone of a memory. Raises as `load_memory`."""

    async def attempt() -> None:
        snapshot, kept = await load_memory(log, memory_id, user_id, of_agent)
        await log.append(snapshot, memory.forget(kept), at, effects=(ERASING,), erase=True)

    await again_on_conflict(attempt)
