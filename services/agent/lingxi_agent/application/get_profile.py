"""What a turn needs to speak as an agent."""

from datetime import datetime

from lingxi_agent.application.agent_log import AgentLog
from lingxi_agent.application.create_agent import create_agent
from lingxi_agent.projections.agents import find_profile
from lingxi_chassis.ids import new_id
from lingxi_contracts.agent import DEFAULT_AGENT_NAME, AgentProfile, CreateAgent, GetProfile
from lingxi_contracts.errors import AgentNameTaken, AgentNotFound

TRIES_MAX = 3
"""Each one is lost only to somebody who makes, or renames or deletes, the default agent."""


async def get_profile(log: AgentLog, question: GetProfile, at: datetime) -> AgentProfile:
    """The newest profile: one statement, but for the first need of the default agent.

    Raises:
        AgentNotFound: the id is unknown, deleted, or another user's.
    """
    for _ in range(TRIES_MAX):
        profile = await find_profile(log.pool, question)
        if profile is not None:
            return profile
        if question.agent_id is not None:
            break
        await _make_default(log, question, at)
    raise AgentNotFound


async def _make_default(log: AgentLog, question: GetProfile, at: datetime) -> None:
    """The unique name lets one of several first needs win; the others find its agent."""
    command = CreateAgent(
        user_id=question.user_id, agent_id=new_id(), agent_name=DEFAULT_AGENT_NAME
    )
    try:
        await create_agent(log, command, at)
    except AgentNameTaken:
        return
