"""Saying something and what comes back."""

from typing import Any, Literal
from uuid import UUID

from pydantic import ConfigDict, Field

from lingxi_contracts.base import Text
from lingxi_contracts.chat import MESSAGE_CHARS_MAX
from lingxi_gateway.application.outcome import Answered, Failed, Pending
from lingxi_gateway.entrypoints.http.ids import AgentId, SessionId
from lingxi_gateway.entrypoints.http.problems import Problem
from lingxi_gateway.entrypoints.http.wire.base import Shape, absent_if_none

BUBBLE_SEPARATOR = "\n\n"
STREAM = """\
`accepted` {session_id, user_message_id, turn_id}, `delta`s as in the feed, each
`message` {message}, then `done` with the JSON answer, or `error` with the problem."""


class ChatBody(Shape):
    """What the user says, and where. Without a session, a new one is opened."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"message": "Good morning!"}]})

    message: Text = Field(min_length=1, max_length=MESSAGE_CHARS_MAX)
    session_id: SessionId | None = None
    agent_id: AgentId | None = Field(
        default=None, description="For a new session; without it, the agent named default."
    )
    mark_read: bool = Field(
        default=True, description="Whether the user has read the agent's messages, the answer too."
    )
    stream: bool = Field(
        default=False,
        description="Answer with server-sent events; `Accept: text/event-stream` does the same.",
    )


class SaidMessage(Shape):
    """One message of an answer."""

    id: UUID
    message: str


class ChatAnswer(Shape):
    """The agent's answer."""

    session_id: UUID
    user_message_id: UUID
    turn_id: UUID
    response: str = Field(description="All that was said; several messages as paragraphs.")
    ai_message_id: UUID = Field(description="The answer's last message.")
    messages: list[SaidMessage] | None = absent_if_none("The answer's messages when several.")


class ChatPending(Shape):
    """The message is recorded and its answer under way: poll the session's `turn`."""

    session_id: UUID
    user_message_id: UUID
    turn_id: UUID
    status: Literal["pending"] = "pending"


class ChatFailure(Problem):
    """The agent's model failed: `code` says how."""

    session_id: UUID
    user_message_id: UUID
    turn_id: UUID
    retryable: bool


def answer(session_id: UUID, message_id: UUID, said: Answered) -> dict[str, Any]:
    """A `ChatAnswer`, by hand: this is the hot path."""
    shape: dict[str, Any] = {
        "session_id": session_id,
        "user_message_id": message_id,
        "turn_id": said.turn_id,
        "response": BUBBLE_SEPARATOR.join(bubble.text for bubble in said.bubbles),
        "ai_message_id": said.bubbles[-1].message_id,
    }
    if len(said.bubbles) > 1:
        shape["messages"] = [
            {"id": bubble.message_id, "message": bubble.text} for bubble in said.bubbles
        ]
    return shape


def accepted(session_id: UUID, message_id: UUID, turn_id: str) -> dict[str, Any]:
    """The first frame of a streamed answer: the message is recorded."""
    return {"session_id": session_id, "user_message_id": message_id, "turn_id": turn_id}


def pending(session_id: UUID, message_id: UUID, outcome: Pending) -> dict[str, Any]:
    """A `ChatPending`."""
    return {
        "session_id": session_id,
        "user_message_id": message_id,
        "turn_id": outcome.turn_id,
        "status": "pending",
    }


def failure(session_id: UUID, message_id: UUID, outcome: Failed) -> dict[str, Any]:
    """What a `ChatFailure` has beside the members of every problem."""
    return {
        "session_id": session_id,
        "user_message_id": message_id,
        "turn_id": outcome.turn_id,
        "retryable": outcome.retryable,
    }
