"""What a stream of agent's log is: an agent, or one memory."""

from datetime import datetime
from typing import Annotated

from pydantic import Field, TypeAdapter

from lingxi_agent.domain import agent, memory
from lingxi_agent.domain.agent import Agent, AgentEvent
from lingxi_agent.domain.memory import Memory, MemoryEvent
from lingxi_contracts.agent import MemoryChanged, MemoryForgotten, MemoryRecorded

type State = Agent | Memory | None
type AnyEvent = AgentEvent | MemoryEvent

# No agent's state has the fields of a memory's, nor the other way round.
STATE: TypeAdapter[State] = TypeAdapter(
    Annotated[Agent | Memory | None, Field(union_mode="left_to_right")]
)


def evolve(state: State, event: AnyEvent, at: datetime) -> State:
    """The stream after an event; each kind of event has its kind of stream."""
    if isinstance(event, MemoryRecorded | MemoryChanged | MemoryForgotten):
        return memory.evolve(state if isinstance(state, Memory) else None, event, at)
    return agent.evolve(state if isinstance(state, Agent) else None, event, at)
