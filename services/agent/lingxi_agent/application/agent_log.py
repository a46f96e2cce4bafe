"""The log of agents and of memories, as commands use it."""

from datetime import datetime
from uuid import UUID

from lingxi_agent.domain.agent import Agent, Command, decide
from lingxi_agent.domain.memory import Memory
from lingxi_agent.domain.streams import AnyEvent, State
from lingxi_chassis.eventlog import EventLog, Snapshot, again_on_conflict
from lingxi_contracts.agent import AgentView
from lingxi_contracts.errors import AgentNotFound, MemoryNotFound

type StreamSnapshot = Snapshot[State]
AgentLog = EventLog[State, AnyEvent]


async def load(log: AgentLog, agent_id: UUID, user_id: UUID) -> tuple[StreamSnapshot, Agent]:
    """The agent, if it is this user's.

    Raises:
        AgentNotFound: it is unknown, deleted, or another user's.
    """
    snapshot = await log.load(agent_id, user_id)
    if snapshot is None or not isinstance(snapshot.state, Agent):
        raise AgentNotFound
    return snapshot, snapshot.state


async def load_memory(
    log: AgentLog, memory_id: UUID, user_id: UUID, agent_id: UUID | None = None
) -> tuple[StreamSnapshot, Memory]:
    """The memory, if it is this user's, and of this agent if one is named.

    Raises:
        MemoryNotFound: it is unknown, forgotten, or another's.
        AgentNotFound: there is no such agent, either.
    """
    snapshot = await log.load(memory_id, user_id)
    memory = snapshot and snapshot.state
    if (
        snapshot is None
        or not isinstance(memory, Memory)
        or (agent_id is not None and memory.agent_id != agent_id)
    ):
        if agent_id is not None:
            await load(log, agent_id, user_id)
        raise MemoryNotFound
    return snapshot, memory


async def carry_out(log: AgentLog, command: Command, at: datetime) -> AgentView:
    """Decide a command on an agent that exists, and answer with the agent as it is then."""

    async def attempt() -> StreamSnapshot:
        snapshot, agent = await load(log, command.agent_id, command.user_id)
        return await log.append(snapshot, decide(agent, command), at)

    return view(await again_on_conflict(attempt))


def view(snapshot: StreamSnapshot) -> AgentView:
    """The agent as its user sees it.

    Raises:
        AgentNotFound: there is none any more.
    """
    agent = snapshot.state
    if not isinstance(agent, Agent):
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
