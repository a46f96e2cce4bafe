"""Everything that is a user's, as one document. It is written piece by piece, never held whole."""

from datetime import datetime

from pydantic import Field

from lingxi_gateway.entrypoints.http.account_bodies import MeOut
from lingxi_gateway.entrypoints.http.wire.agents import Agent, LedgerEntry
from lingxi_gateway.entrypoints.http.wire.base import Shape
from lingxi_gateway.entrypoints.http.wire.memories import Memory
from lingxi_gateway.entrypoints.http.wire.proactive import Decision
from lingxi_gateway.entrypoints.http.wire.sessions import Message, Session
from lingxi_gateway.entrypoints.http.wire.suggestions import Suggestion


class ExportedAgent(Agent):
    """An agent with all that it knows, and all that its personality ever was."""

    memories: list[Memory] = Field(description="All of them, oldest first.")
    personality_history: list[LedgerEntry] = Field(description="All versions, newest first.")


class ExportedSession(Session):
    """A session with all of its messages, and with all that was decided about it."""

    personality_suggestions: list[Suggestion] = Field(description="The one that waits, if any.")
    messages: list[Message] = Field(description="All of them by `seq`, replaced ones too.")
    decisions: list[Decision] = Field(
        description="Why the agent wrote first, and why not, newest first."
    )


class Export(Shape):
    """All that is a user's. Each agent and session is as of the moment it was written."""

    exported_at: datetime
    account: MeOut
    agents: list[ExportedAgent]
    sessions: list[ExportedSession]
