"""Erase a user: all of their agents, and none can be made any more."""

from contextlib import suppress
from datetime import datetime
from uuid import UUID

from lingxi_agent.application.agent_log import AgentLog
from lingxi_agent.application.delete_agent import delete_agent
from lingxi_chassis import erasure
from lingxi_contracts.agent import DeleteAgent
from lingxi_contracts.errors import AgentNotFound


async def erase_user(log: AgentLog, user_id: UUID, at: datetime) -> None:
    """Delete all agents of a user who is gone. Stopped half-way, it is simply done again."""

    async def delete(agent_id: UUID) -> None:
        with suppress(AgentNotFound):  # deleted meanwhile
            await delete_agent(log, DeleteAgent(user_id=user_id, agent_id=agent_id), at)

    await erasure.erase_user(log.pool, user_id, delete)
