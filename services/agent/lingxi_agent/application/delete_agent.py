"""Delete an agent for good."""

from datetime import datetime

from lingxi_agent.application.agent_log import AgentLog, load
from lingxi_agent.domain.agent import decide
from lingxi_chassis.eventlog import again_on_conflict
from lingxi_contracts.agent import DeleteAgent
from lingxi_contracts.base import Nothing


async def delete_agent(log: AgentLog, command: DeleteAgent, at: datetime) -> Nothing:
    """Append the tombstone; snapshot and read models are gone with it. Raises AgentNotFound."""

    async def attempt() -> None:
        snapshot = await load(log, command.agent_id, command.user_id)
        await log.append(snapshot, decide(snapshot.state, command), at, erase=True)

    await again_on_conflict(attempt)
    return Nothing()
