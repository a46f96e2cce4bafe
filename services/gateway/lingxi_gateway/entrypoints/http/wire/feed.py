"""The feed's frames: which event is told by what name, and with what data. Nothing else knows."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson

from lingxi_chassis.clock import utc_now
from lingxi_contracts import agent, chat
from lingxi_contracts.base import Event
from lingxi_contracts.chat import MessageView, SessionView
from lingxi_contracts.envelope import Envelope
from lingxi_gateway.application.feed import Frame, ResetReason
from lingxi_gateway.application.places import Cursor
from lingxi_gateway.entrypoints.http.wire import frames, sessions
from lingxi_gateway.entrypoints.http.wire.base import Shape
from lingxi_gateway.entrypoints.http.wire.frames import Told
from lingxi_gateway.entrypoints.http.wire.memories import Memory
from lingxi_gateway.entrypoints.http.wire.suggestions import suggestion

EVENTS: Mapping[str, type[Event]] = chat.EVENTS | agent.EVENTS


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
        return _of("ready", frames.Ready(cursor=str(cursor), server_time=utc_now()), cursor)

    def reset(self, reason: ResetReason, cursor: Cursor) -> Frame:
        """Events were missed."""
        return _of("reset", frames.Reset(reason=reason, cursor=str(cursor)), cursor)

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
            case agent.MemoryRecorded() | agent.MemoryChanged() | agent.MemoryForgotten():
                return _of_memory(event, envelope)
            case agent.AgentCreated() | agent.AgentChanged():
                parameters = event.parameters.model_dump(exclude_none=True)
                parameters["model"] = event.parameters.model or self._default_model
                parameters["auto_apply_confidence"] = event.parameters.auto_apply_confidence
                document = frames.AgentDocument(
                    id=envelope.subject,
                    name=event.name,
                    parameters=parameters,
                    timings=event.timings,
                    updated_at=envelope.time,
                )
                return frames.AgentTold(**head, agent=document)
            case agent.PersonalityChanged():
                return frames.PersonalityTold(
                    **head,
                    version=event.version,
                    personality_prompt=event.personality_prompt,
                    source=event.source,
                )
            case agent.PersonalitySuggested():
                return frames.SuggestionTold(
                    **head, session_id=event.session_id, suggestion=suggestion(event)
                )
            case agent.PersonalitySuggestionClosed():
                return frames.SuggestionClosedTold(
                    **head,
                    session_id=event.session_id,
                    suggestion_id=event.suggestion_id,
                    outcome=event.outcome,
                )
            case agent.AgentDeleted():
                return Told(**head)
            case _:
                return None


def _of_memory(
    event: agent.MemoryRecorded | agent.MemoryChanged | agent.MemoryForgotten, envelope: Envelope
) -> Told:
    head: dict[str, Any] = {
        "event_id": envelope.id,
        "at": envelope.time,
        "agent_id": event.agent_id,
    }
    if isinstance(event, agent.MemoryForgotten):
        return frames.MemoryForgottenTold(**head, memory_id=envelope.subject)
    recorded = isinstance(event, agent.MemoryRecorded)
    memory = Memory(
        id=envelope.subject,
        text=event.text,
        evidence=event.evidence,
        by_user=not recorded and event.by_user,
        created_at=envelope.time if recorded else None,
        updated_at=envelope.time,
    )
    return frames.MemoryTold(**head, memory=memory)


def _of_chat(event: Event, envelope: Envelope) -> Told | None:
    head: dict[str, Any] = {
        "event_id": envelope.id,
        "at": envelope.time,
        "session_id": envelope.subject,
    }
    match event:
        case chat.MessagePosted() | chat.MessageSent():
            return frames.MessageTold(**head, message=sessions.message(_view(event, envelope.time)))
        case chat.MessagesSuperseded():
            return frames.SupersededTold(
                **head, message_ids=event.message_ids, by_turn_id=event.by_turn_id
            )
        case chat.MessagesRead():
            return frames.ReadTold(
                **head, up_to_seq=event.up_to_seq, unread_count=event.unread_count
            )
        case chat.MessageFlagged():
            return frames.FlaggedTold(
                **head,
                message_id=event.message_id,
                critical_type=event.critical_type,
                text=event.text,
                links=event.links,
            )
        case chat.SummaryWritten():
            return frames.SummaryTold(
                **head,
                title=event.title,
                summary=event.summary,
                covers_up_to=event.covers_up_to,
            )
        case chat.SummaryWithdrawn():
            return frames.SummaryWithdrawnTold(**head, covers_up_to=event.covers_up_to)
        case chat.SessionStarted():
            begun = sessions.session(_session(event, envelope))
            return frames.SessionTold(**head, agent_id=event.agent_id, session=begun)
        case chat.SessionRenamed():
            return frames.TitleTold(**head, title=event.title)
        case chat.SessionDeleted():
            return Told(**head)
        case _:
            return _of_turn(event, head)


def _of_turn(event: Event, head: Mapping[str, Any]) -> Told | None:
    match event:
        case chat.TurnStarted():
            return frames.TurnTold(**head, turn_id=event.turn_id)
        case chat.TurnCompleted():
            return frames.TurnCompletedTold(
                **head,
                turn_id=event.turn_id,
                message_ids=event.message_ids,
                model=event.model,
                fallback_from=event.fallback_from,
                usage=event.usage,
                latency_ms=event.latency_ms,
            )
        case chat.TurnFailed():
            return frames.TurnFailedTold(
                **head,
                turn_id=event.turn_id,
                code=event.code,
                detail=event.detail,
                retryable=event.retryable,
            )
        case chat.TurnStopped():
            return frames.TurnStoppedTold(
                **head, turn_id=event.turn_id, message_ids=event.message_ids
            )
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
        proactive=sent and event.proactive_id is not None,
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
