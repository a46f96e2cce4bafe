"""What scheduler's use cases work with: its log, its clock, and the neighbours it asks."""

from collections.abc import Callable
from datetime import datetime
from typing import Protocol
from uuid import UUID

from lingxi_chassis.eventlog import EventLog, Snapshot
from lingxi_contracts.agent import AgentProfile
from lingxi_contracts.chat import ProactiveSent, ProactiveWork
from lingxi_contracts.scheduler import ProactiveDecided
from lingxi_scheduler.domain.decisions import DecisionEvent, Decisions
from lingxi_scheduler.domain.manners import Manners
from lingxi_scheduler.domain.prompt import Answer, Question

type DecisionLog = EventLog[Decisions, DecisionEvent]
type DecisionsSnapshot = Snapshot[Decisions]


class Clock(Protocol):
    """What time it is. Tests move it."""

    def now(self) -> datetime:
        """Now, in UTC."""
        ...

    def on_move(self, hear: Callable[[], None]) -> None:
        """Have whoever sleeps until a time told that the clock was set to another one."""
        ...


class Sessions(Protocol):
    """Chat, as scheduler needs it. Raises Unavailable."""

    async def work(self, user_id: UUID, session_id: UUID) -> ProactiveWork:
        """How a session stands. Raises SessionNotFound."""
        ...

    async def send(
        self, user_id: UUID, session_id: UUID, decided: ProactiveDecided, expires_at: datetime
    ) -> ProactiveSent:
        """Send what was decided; a repeat answers the same. Raises chat's refusals."""
        ...


class Agents(Protocol):
    """Agent, as scheduler needs it. Raises AgentNotFound, Unavailable."""

    async def manners(self, user_id: UUID, agent_id: UUID) -> Manners:
        """How the agent writes first by its newest settings."""
        ...

    async def profile(self, user_id: UUID, agent_id: UUID, about: str) -> AgentProfile:
        """Who the agent is, and what it knows that fits what is talked about."""
        ...


class Model(Protocol):
    """Who decides for the agents."""

    context_tokens: int

    def tokens(self, text: str, model: str | None) -> int:
        """About how many tokens a text has for a model."""
        ...

    async def ask(self, question: Question, profile: AgentProfile) -> Answer:
        """Whether the agent writes. Raises Unavailable (later, maybe) or NoAnswer."""
        ...


class NoAnswer(Exception):
    """The model was asked and said nothing that could be used."""
