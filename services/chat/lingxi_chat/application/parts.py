"""What every use case of chat works with: the log of sessions, and the neighbours it asks."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from lingxi_chassis.eventlog import EventLog, Snapshot
from lingxi_chat.domain.prompt import Prompt
from lingxi_chat.domain.session import Session, SessionEvent
from lingxi_contracts.agent import AgentProfile
from lingxi_contracts.chat import Usage
from lingxi_contracts.errors import SessionNotFound
from lingxi_contracts.live import Delta, Typing

type SessionLog = EventLog[Session, SessionEvent]
type SessionSnapshot = Snapshot[Session]


class Profiles(Protocol):
    """The owner of agents, as chat needs it."""

    async def profile(self, user_id: UUID, agent_id: UUID | None, about: str = "") -> AgentProfile:
        """The newest profile, with what the agent knows that fits what is talked `about`; without
        an id, of the default agent. Raises AgentNotFound."""
        ...


@dataclass(frozen=True, slots=True)
class Spoken:
    """Who made a model's reply, and what it took."""

    model: str
    fallback_from: str | None
    usage: Usage
    latency_ms: int


@dataclass(frozen=True, slots=True)
class Anew:
    """What was said so far is void: the model begins anew."""


class Model(Protocol):
    """Who speaks for the agents."""

    def estimated(self, tokens: int, model: str | None) -> int:
        """What `estimate_tokens` would say of that many tokens of a model."""
        ...

    def speak(
        self, profile: AgentProfile, prompt: Prompt, max_tokens: int | None
    ) -> AsyncGenerator[str | Anew | Spoken]:
        """The reply to a prompt, of at most so many tokens: texts as they come, then `Spoken`.
        Raises ModelFailure.

        Use it with `contextlib.aclosing`: who stops early ends the call.
        """
        ...


class Live(Protocol):
    """Those who watch a session right now."""

    async def tell(self, user_id: UUID, signal: Delta | Typing) -> None:
        """Signals of a session in the order told; nobody is owed them, so nothing is raised."""
        ...

    async def ended(
        self, session_id: UUID, turn_id: UUID, events: Sequence[SessionEvent], at: datetime
    ) -> None:
        """What was recorded of a turn's end, to whoever waits for it; they hear it from the log
        too, so nothing is raised."""
        ...

    async def user_types(self, user_id: UUID, session_id: UUID) -> bool:
        """Whether the user is typing, by the newest signal; not known is no."""
        ...


async def load(log: SessionLog, session_id: UUID, user_id: UUID) -> SessionSnapshot:
    """A user's session. Raises SessionNotFound, for another user's too."""
    snapshot = await log.load(session_id, user_id)
    if snapshot is None:
        raise SessionNotFound
    return snapshot
