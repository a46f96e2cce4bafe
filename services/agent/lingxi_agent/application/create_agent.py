"""Make an agent under an id of the caller's."""

from datetime import datetime

from lingxi_agent.application.agent_log import AgentLog, load, view
from lingxi_agent.domain.agent import decide
from lingxi_chassis.eventlog import Conflict
from lingxi_contracts.agent import AgentView, CreateAgent


async def create_agent(log: AgentLog, command: CreateAgent, at: datetime) -> AgentView:
    """The new agent; a repeat answers with what became of the first one. One statement.

    Raises:
        AgentNameTaken: another agent of the user has the name.
        AgentNotFound: the id is that of a deleted agent, or of another user's; the user is erased.
        InvalidInput: the parameters can't be stored.
    """
    new = log.new(command.agent_id, command.user_id)
    try:
        return view(await log.append(new, decide(None, command), at))
    except Conflict:
        snapshot, _ = await load(log, command.agent_id, command.user_id)
        return view(snapshot)
