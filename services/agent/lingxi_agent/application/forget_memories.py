"""An agent is gone: all that it knew is forgotten."""

from contextlib import suppress
from datetime import datetime
from uuid import UUID

from lingxi_agent.application.agent_log import AgentLog
from lingxi_agent.application.forget_memory import forget
from lingxi_agent.projections.memories import some_of_agent
from lingxi_contracts.errors import MemoryNotFound


async def forget_memories(log: AgentLog, user_id: UUID, agent_id: UUID, at: datetime) -> None:
    """Forget them batch by batch. Stopped half-way, it is simply done again; none comes anew, for
    a memory is only recorded while its agent is there."""
    while memories := await some_of_agent(log.pool, agent_id):
        for memory_id in memories:
            with suppress(MemoryNotFound):  # forgotten meanwhile
                await forget(log, memory_id, user_id, at)
