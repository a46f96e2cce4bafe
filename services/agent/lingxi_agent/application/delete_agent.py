"""Delete an agent for good."""

from datetime import datetime

from lingxi_agent.application.agent_log import AgentLog, load
from lingxi_agent.domain.agent import decide
from lingxi_chassis.erasure import ERASING
from lingxi_chassis.eventlog import again_on_conflict
from lingxi_contracts.agent import DeleteAgent
from lingxi_contracts.base import Nothing


async def delete_agent(log: AgentLog, command: DeleteAgent, at: datetime) -> Nothing:
    """Append the tombstone; snapshot and read models are gone with it, the rest is due for erasure.
    Its memories are forgotten once it is published.

    Raises:
        AgentNotFound: for a repeat too.
    """

    async def attempt() -> None:
        snapshot, agent = await load(log, command.agent_id, command.user_id)
        events = decide(agent, command)
        await log.append(snapshot, events, at, effects=(ERASING,), erase=True)

    await again_on_conflict(attempt)
    return Nothing()
