"""Erase a user: all of their agents and what these remember; nothing can begin any more."""

from contextlib import suppress
from datetime import datetime
from uuid import UUID

from lingxi_agent.application.agent_log import AgentLog
from lingxi_agent.application.delete_agent import delete_agent
from lingxi_agent.application.forget_memory import forget
from lingxi_chassis import erasure
from lingxi_contracts.agent import DeleteAgent
from lingxi_contracts.errors import AgentNotFound, MemoryNotFound


async def erase_user(log: AgentLog, user_id: UUID, at: datetime) -> None:
    """Delete all agents and memories of a user who is gone. Stopped half-way, it is simply done
    again."""

    async def delete(stream_id: UUID) -> None:
        with suppress(MemoryNotFound):  # an agent, or forgotten meanwhile
            await forget(log, stream_id, user_id, at)
            return
        with suppress(AgentNotFound):  # deleted meanwhile
            await delete_agent(log, DeleteAgent(user_id=user_id, agent_id=stream_id), at)

    await erasure.erase_user(log.pool, user_id, delete)
