"""Change an agent's name, parameters, timings or personality by one document."""

from datetime import datetime

from lingxi_agent.application.agent_log import AgentLog, carry_out
from lingxi_contracts.agent import AgentView, ChangeAgent


async def change_agent(log: AgentLog, command: ChangeAgent, at: datetime) -> AgentView:
    """The agent as it is now; a patch that changes nothing is recorded nowhere.

    Raises:
        AgentNotFound, AgentNameTaken.
        InvalidInput: what the patch makes is no valid agent.
    """
    return await carry_out(log, command, at)
