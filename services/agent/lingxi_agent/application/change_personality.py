"""Write a new personality by hand."""

from datetime import datetime

from lingxi_agent.application.agent_log import AgentLog, carry_out
from lingxi_contracts.agent import AgentView, ChangePersonality


async def change_personality(log: AgentLog, command: ChangePersonality, at: datetime) -> AgentView:
    """The agent as it is now; the same text again is no new version. Raises AgentNotFound."""
    return await carry_out(log, command, at)
