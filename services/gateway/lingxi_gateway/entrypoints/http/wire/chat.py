"""Saying something and what comes back."""

from typing import Any, Literal
from uuid import UUID

from pydantic import ConfigDict, Field

from lingxi_contracts.base import Text
from lingxi_contracts.chat import MESSAGE_CHARS_MAX
from lingxi_gateway.application.news import NOTHING, Texts
from lingxi_gateway.application.outcome import Answered, Failed, Outcome, Pending
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


class Care(Shape):
    """The message needs care: show the text and the links with whatever becomes of it."""

    critical_type: str
    text: str
    links: list[str]


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
    summary_updated: bool | None = absent_if_none("Since the session's previous answer.")
    summary: str | None = absent_if_none("The new one.")
    personality_updated: bool | None = absent_if_none("Since the session's previous answer.")
    personality_prompt: str | None = absent_if_none("The new one.")
    personality_suggestion_available: bool | None = absent_if_none(
        "Since the session's previous answer a suggestion came, and it waits."
    )
    critical: Care | None = absent_if_none()


class ChatPending(Shape):
    """The message is recorded and its answer under way: poll the session's `turn`."""

    session_id: UUID
    user_message_id: UUID
    turn_id: UUID
    status: Literal["pending"] = "pending"
    critical: Care | None = absent_if_none()


class ChatFailure(Problem):
    """The agent's model failed: `code` says how."""

    session_id: UUID
    user_message_id: UUID
    turn_id: UUID
    retryable: bool
    critical: Care | None = absent_if_none()


def answer(
    session_id: UUID, message_id: UUID, said: Answered, texts: Texts = NOTHING
) -> dict[str, Any]:
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
    if said.news:
        shape |= _news(said, texts)
    return shape | _care(said)


def _news(said: Answered, texts: Texts) -> dict[str, Any]:
    told = {
        "summary_updated": "summary" in said.news or None,
        "summary": texts.summary,
        "personality_updated": "personality" in said.news or None,
        "personality_prompt": texts.personality_prompt,
        "personality_suggestion_available": "suggestion" in said.news or None,
    }
    return {name: value for name, value in told.items() if value is not None}


def _care(outcome: Outcome) -> dict[str, Any]:
    critical = outcome.critical
    return {} if critical is None else {"critical": critical.model_dump()}


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
        **_care(outcome),
    }


def failure(session_id: UUID, message_id: UUID, outcome: Failed) -> dict[str, Any]:
    """What a `ChatFailure` has beside the members of every problem."""
    return {
        "session_id": session_id,
        "user_message_id": message_id,
        "turn_id": outcome.turn_id,
        "retryable": outcome.retryable,
        **_care(outcome),
    }
