"""The log of agents as commands use it."""

from datetime import datetime
from uuid import UUID

from lingxi_agent.domain.agent import Agent, AgentEvent, Command, decide
from lingxi_chassis.eventlog import EventLog, Snapshot, again_on_conflict
from lingxi_contracts.agent import AgentView
from lingxi_contracts.errors import AgentNotFound

type AgentSnapshot = Snapshot[Agent | None]
AgentLog = EventLog[Agent | None, AgentEvent]


async def load(log: AgentLog, agent_id: UUID, user_id: UUID) -> AgentSnapshot:
    """The agent, if it is this user's.

    Raises:
        AgentNotFound: it is unknown, deleted, or another user's.
    """
    snapshot = await log.load(agent_id, user_id)
    if snapshot is None:
        raise AgentNotFound
    return snapshot


async def carry_out(log: AgentLog, command: Command, at: datetime) -> AgentView:
    """Decide a command on an agent that exists, and answer with the agent as it is then."""

    async def attempt() -> AgentSnapshot:
        snapshot = await load(log, command.agent_id, command.user_id)
        return await log.append(snapshot, decide(snapshot.state, command), at)

    return view(await again_on_conflict(attempt))


def view(snapshot: AgentSnapshot) -> AgentView:
    """The agent as its user sees it.

    Raises:
        AgentNotFound: there is none any more.
    """
    agent = snapshot.state
    if agent is None:
        raise AgentNotFound
    return AgentView(
        agent_id=snapshot.stream_id,
        name=agent.name,
        parameters=agent.parameters,
        timings=agent.timings,
        personality_prompt=agent.personality_prompt,
        personality_version=agent.personality_version,
        created_at=agent.created_at,
        updated_at=agent.updated_at,
    )
