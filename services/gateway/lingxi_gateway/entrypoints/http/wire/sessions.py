"""Sessions and messages, as clients see them."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import Field

from lingxi_contracts.agent import PersonalitySuggestion
from lingxi_contracts.base import Text
from lingxi_contracts.chat import (
    MESSAGE_CHARS_MAX,
    TITLE_CHARS_MAX,
    FailureCode,
    MessageView,
    SessionView,
    TurnView,
)
from lingxi_gateway.entrypoints.http.ids import AgentId, MessageId
from lingxi_gateway.entrypoints.http.wire.base import Shape, absent_if_none
from lingxi_gateway.entrypoints.http.wire.suggestions import Suggestion, suggestion

NOTICE = "You are talking to an AI, not to a person. It can be wrong."
_ID_EXAMPLE = "01a203e2-68f2-75b6-a862-1ad8484928f1"


class SessionBody(Shape):
    """Whom to talk to."""

    agent_configuration: AgentId = Field(description="The agent's id.", examples=[_ID_EXAMPLE])


class TitleBody(Shape):
    """A title of the user's own."""

    title: Text = Field(min_length=1, max_length=TITLE_CHARS_MAX, examples=["Trip to Kyoto"])


class ReadBody(Shape):
    """How far the user has read."""

    up_to: MessageId = Field(description="A message's id.", examples=[_ID_EXAMPLE])


class EditBody(Shape):
    """A message in other words."""

    message: Text = Field(
        min_length=1, max_length=MESSAGE_CHARS_MAX, examples=["Good evening, I meant."]
    )


class Message(Shape):
    """One message."""

    id: UUID
    seq: int = Field(description="Counts the session's messages from 1.")
    chat_date: datetime
    message: str
    is_user: bool
    is_agent: bool
    is_agent_growth: bool = Field(default=False, description="The agent wrote first.")
    is_read: bool = Field(description="By the user; a message of the user: by the agent.")
    metadata: dict[str, Any] = Field(default_factory=dict)
    critical: bool = Field(default=False, description="It needs care: the feed told how.")
    critical_type: str | None = Field(default=None, description="Of which kind it then is.")
    turn_id: UUID | None = absent_if_none()
    bubble: int | None = absent_if_none("Its place in the turn's answer, from 0.")
    delay_ms: int | None = absent_if_none("How long to wait before showing it.")
    superseded_by: UUID | None = absent_if_none("The turn that replaced it.")


class Turn(Shape):
    """The newest turn while it is open or failed."""

    id: UUID
    status: Literal["open", "failed"]
    code: FailureCode | None = absent_if_none()
    detail: str | None = absent_if_none()
    retryable: bool | None = absent_if_none()


class SuggestionRef(Shape):
    """A suggestion that waits, where only its being there is told."""

    id: UUID


class CurrentState(Shape):
    """What of the agent's personality waits for the user, and when it was last looked at."""

    personality_update_suggestion: Suggestion | SuggestionRef | None = absent_if_none(
        "Whole where one session is asked for, else its id."
    )
    last_personality_check: datetime | None = absent_if_none()


class Session(Shape):
    """A conversation with one agent. `messages` is empty in lists."""

    id: UUID
    agent_configuration: UUID = Field(description="The agent's id.")
    agent_name: str
    title: str
    started_at: datetime
    summary: str
    message_count: int
    unread_count: int
    first_unread_id: UUID | None
    last_message: Message | None
    last_activity_at: datetime
    current_state: CurrentState | None = None
    turn: Turn | None
    notice: str = NOTICE
    messages: list[Message]


class Summary(Shape):
    """What a session was about so far."""

    session_id: UUID
    title: str
    summary: str
    message_count: int
    covers_up_to: int = Field(description="The seq of the last message it covers; 0: none.")


class TurnAccepted(Shape):
    """A turn that was asked for."""

    turn_id: UUID


class SessionWithPrevious(Session):
    """A session with its newest messages; `previous` is the URL of the older ones."""

    previous: str | None


class History(Shape):
    """The newest sessions, each with its newest messages. `next` is the URL of older sessions."""

    sessions: list[SessionWithPrevious]
    next: str | None


def message(view: MessageView) -> Message:
    """A message."""
    return Message(
        id=view.message_id,
        seq=view.seq,
        chat_date=view.sent_at,
        message=view.text,
        is_user=view.author == "user",
        is_agent=view.author == "agent",
        is_agent_growth=view.proactive,
        is_read=view.read,
        critical=view.critical_type is not None,
        critical_type=view.critical_type,
        turn_id=view.turn_id,
        bubble=view.bubble,
        delay_ms=view.delay_ms,
        superseded_by=view.superseded_by,
    )


def turn(view: TurnView) -> Turn:
    """A turn."""
    return Turn(
        id=view.turn_id,
        status=view.status,
        code=view.code,
        detail=view.detail,
        retryable=view.retryable,
    )


def session(
    view: SessionView,
    messages: Iterable[MessageView] = (),
    waiting: PersonalitySuggestion | None = None,
) -> Session:
    """A session, with as many messages as are given, and the suggestion that waits if it is."""
    return Session.model_construct(**_fields(view, messages, waiting))


def session_with_previous(
    view: SessionView, messages: Iterable[MessageView], previous: str | None
) -> SessionWithPrevious:
    """A session of a history."""
    return SessionWithPrevious.model_construct(**_fields(view, messages), previous=previous)


def summary(view: SessionView) -> Summary:
    """A session's summary."""
    return Summary(
        session_id=view.session_id,
        title=view.title,
        summary=view.summary,
        message_count=view.message_count,
        covers_up_to=view.covers_up_to,
    )


def _state(view: SessionView, waiting: PersonalitySuggestion | None) -> CurrentState | None:
    if view.suggestion_id is None and view.personality_checked_at is None:
        return None
    told = None
    if view.suggestion_id is not None:
        told = suggestion(waiting) if waiting else SuggestionRef(id=view.suggestion_id)
    return CurrentState(
        personality_update_suggestion=told, last_personality_check=view.personality_checked_at
    )


def _fields(
    view: SessionView,
    messages: Iterable[MessageView],
    waiting: PersonalitySuggestion | None = None,
) -> dict[str, Any]:
    return {
        "id": view.session_id,
        "agent_configuration": view.agent_id,
        "agent_name": view.agent_name,
        "title": view.title,
        "started_at": view.started_at,
        "summary": view.summary,
        "message_count": view.message_count,
        "unread_count": view.unread_count,
        "first_unread_id": view.first_unread_id,
        "last_message": message(view.last_message) if view.last_message else None,
        "last_activity_at": view.last_activity_at,
        "current_state": _state(view, waiting),
        "turn": turn(view.turn) if view.turn else None,
        "messages": [message(one) for one in messages],
    }
