"""The feed's frames: which event is told by what name, and with what data. Nothing else knows."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import orjson
from pydantic import Field

from lingxi_chassis.clock import utc_now
from lingxi_contracts import agent, chat
from lingxi_contracts.agent import AgentTimings, PersonalitySource
from lingxi_contracts.base import Event
from lingxi_contracts.chat import FailureCode, MessageView, SessionView, Usage
from lingxi_contracts.envelope import Envelope
from lingxi_gateway.application.feed import Frame, ResetReason
from lingxi_gateway.application.places import Cursor
from lingxi_gateway.entrypoints.http.wire import sessions
from lingxi_gateway.entrypoints.http.wire.base import Shape, absent_if_none
from lingxi_gateway.entrypoints.http.wire.sessions import Message, Session

EVENTS: Mapping[str, type[Event]] = chat.EVENTS | agent.EVENTS


class Told(Shape):
    """What every frame of an event has."""

    event_id: UUID
    at: datetime
    session_id: UUID | None = absent_if_none()
    agent_id: UUID | None = absent_if_none()


class MessageTold(Told):
    """Somebody said something: the user (`message_posted`), or the agent (`message_sent`)."""

    message: Message


class TurnTold(Told):
    """The agent begins to answer."""

    turn_id: UUID


class TurnCompletedTold(TurnTold):
    """The answer is complete; its messages were told before."""

    message_ids: tuple[UUID, ...]
    model: str
    fallback_from: str | None = absent_if_none("The model that the provider did not know.")
    usage: Usage
    latency_ms: int


class TurnFailedTold(TurnTold):
    """There is no answer, and why."""

    code: FailureCode
    detail: str
    retryable: bool


class TurnStoppedTold(TurnTold):
    """The user stopped it; the messages are what was said by then."""

    message_ids: tuple[UUID, ...]


class SupersededTold(Told):
    """These messages were replaced."""

    message_ids: tuple[UUID, ...]
    by_turn_id: UUID


class ReadTold(Told):
    """The user has read the agent's messages up to this seq, on whatever device."""

    up_to_seq: int
    unread_count: int


class SessionTold(Told):
    """A session, as it begins."""

    session: Session


class TitleTold(Told):
    """A session's new title."""

    title: str


class AgentDocument(Shape):
    """An agent, but for its personality: `personality_changed` tells that."""

    id: UUID
    name: str
    parameters: dict[str, Any]
    timings: AgentTimings | None
    updated_at: datetime


class AgentTold(Told):
    """An agent as it is from now on."""

    agent: AgentDocument


class PersonalityTold(Told):
    """A new version of an agent's personality."""

    version: int
    personality_prompt: str
    source: PersonalitySource


class Ready(Shape):
    """The first frame: the feed goes on behind the cursor."""

    cursor: str
    server_time: datetime


class Reset(Shape):
    """Events were missed: read the sessions again. The feed goes on from the cursor."""

    reason: ResetReason
    cursor: str


class DeltaTold(Shape):
    """A piece of a message while it is made. A new `attempt` replaces what earlier ones showed."""

    session_id: UUID
    turn_id: UUID
    attempt: int
    bubble: int
    offset_chars: int = Field(description="Where in the bubble the text begins, in code points.")
    text: str


class TypingTold(Shape):
    """Somebody is writing, until then or until told otherwise."""

    session_id: UUID
    who: Literal["user", "agent"]
    until: datetime


FRAMES: Mapping[str, type[Shape]] = {
    "ready": Ready,
    "message_posted": MessageTold,
    "message_sent": MessageTold,
    "turn_started": TurnTold,
    "turn_completed": TurnCompletedTold,
    "turn_failed": TurnFailedTold,
    "turn_stopped": TurnStoppedTold,
    "messages_superseded": SupersededTold,
    "messages_read": ReadTold,
    "session_started": SessionTold,
    "session_renamed": TitleTold,
    "session_deleted": Told,
    "agent_created": AgentTold,
    "agent_changed": AgentTold,
    "agent_deleted": Told,
    "personality_changed": PersonalityTold,
    "delta": DeltaTold,
    "typing": TypingTold,
    "reset": Reset,
}
"""The data of every frame by its name."""


class FeedFrames:
    """Renders frames; `default_model` is shown for agents that name none."""

    def __init__(self, default_model: str) -> None:
        self._default_model = default_model

    def event(self, envelope: Mapping[str, Any]) -> tuple[str, bytes] | None:
        """Name and data of an event; None: erased, or of a type that clients aren't told of."""
        kind = EVENTS.get(envelope["type"])
        if kind is None or envelope["data"] is None:
            return None
        read = Envelope.model_validate(envelope)
        told = self._told(kind.model_validate(read.data), read)
        return (read.name, told.model_dump_json().encode()) if told is not None else None

    def signal(self, signal: Mapping[str, Any]) -> Frame:
        """The frame of a live signal."""
        data = {name: value for name, value in signal.items() if name != "type"}
        return Frame(signal["type"], orjson.dumps(data))

    def ready(self, cursor: Cursor) -> Frame:
        """The first frame."""
        return _of("ready", Ready(cursor=str(cursor), server_time=utc_now()), cursor)

    def reset(self, reason: ResetReason, cursor: Cursor) -> Frame:
        """Events were missed."""
        return _of("reset", Reset(reason=reason, cursor=str(cursor)), cursor)

    def _told(self, event: Event, envelope: Envelope) -> Told | None:
        if envelope.type in agent.EVENTS:
            return self._of_agent(event, envelope)
        return _of_chat(event, envelope)

    def _of_agent(self, event: Event, envelope: Envelope) -> Told | None:
        head: dict[str, Any] = {
            "event_id": envelope.id,
            "at": envelope.time,
            "agent_id": envelope.subject,
        }
        match event:
            case agent.AgentCreated() | agent.AgentChanged():
                parameters = event.parameters.model_dump(exclude_none=True)
                parameters["model"] = event.parameters.model or self._default_model
                parameters["auto_apply_confidence"] = event.parameters.auto_apply_confidence
                document = AgentDocument(
                    id=envelope.subject,
                    name=event.name,
                    parameters=parameters,
                    timings=event.timings,
                    updated_at=envelope.time,
                )
                return AgentTold(**head, agent=document)
            case agent.PersonalityChanged():
                return PersonalityTold(
                    **head,
                    version=event.version,
                    personality_prompt=event.personality_prompt,
                    source=event.source,
                )
            case agent.AgentDeleted():
                return Told(**head)
            case _:
                return None


def _of_chat(event: Event, envelope: Envelope) -> Told | None:
    head: dict[str, Any] = {
        "event_id": envelope.id,
        "at": envelope.time,
        "session_id": envelope.subject,
    }
    match event:
        case chat.MessagePosted() | chat.MessageSent():
            return MessageTold(**head, message=sessions.message(_view(event, envelope.time)))
        case chat.TurnStarted():
            return TurnTold(**head, turn_id=event.turn_id)
        case chat.TurnCompleted():
            return TurnCompletedTold(
                **head,
                turn_id=event.turn_id,
                message_ids=event.message_ids,
                model=event.model,
                fallback_from=event.fallback_from,
                usage=event.usage,
                latency_ms=event.latency_ms,
            )
        case chat.TurnFailed():
            return TurnFailedTold(
                **head,
                turn_id=event.turn_id,
                code=event.code,
                detail=event.detail,
                retryable=event.retryable,
            )
        case chat.TurnStopped():
            return TurnStoppedTold(**head, turn_id=event.turn_id, message_ids=event.message_ids)
        case chat.MessagesSuperseded():
            return SupersededTold(
                **head, message_ids=event.message_ids, by_turn_id=event.by_turn_id
            )
        case chat.MessagesRead():
            return ReadTold(**head, up_to_seq=event.up_to_seq, unread_count=event.unread_count)
        case chat.SessionStarted():
            begun = sessions.session(_session(event, envelope))
            return SessionTold(**head, agent_id=event.agent_id, session=begun)
        case chat.SessionRenamed():
            return TitleTold(**head, title=event.title)
        case chat.SessionDeleted():
            return Told(**head)
        case _:
            return None


def _view(event: chat.MessagePosted | chat.MessageSent, at: datetime) -> MessageView:
    sent = isinstance(event, chat.MessageSent)
    return MessageView(
        message_id=event.message_id,
        seq=event.seq,
        sent_at=at,
        author="agent" if sent else "user",
        text=event.text,
        read=False,
        turn_id=event.turn_id if sent else None,
        bubble=event.bubble if sent else None,
        delay_ms=event.delay_ms if sent else None,
    )


def _session(event: chat.SessionStarted, envelope: Envelope) -> SessionView:
    return SessionView(
        session_id=envelope.subject,
        agent_id=event.agent_id,
        agent_name=event.agent_name,
        title="",
        started_at=envelope.time,
        last_activity_at=envelope.time,
        message_count=0,
        unread_count=0,
        first_unread_id=None,
        last_message=None,
        turn=None,
    )


def _of(event: str, data: Shape, cursor: Cursor) -> Frame:
    return Frame(event, data.model_dump_json().encode(), str(cursor))
