"""A session: one user's conversation with one agent, and the turns that answer it.

Invariants:
1. `seq` numbers all messages, the user's and the agent's, from 1 without gaps.
2. At most one turn is open. While a message waits for an answer, a turn is open or the newest one
   failed.
3. A turn ends once: its end refers to the open turn, or decides nothing.
4. A message is answered by one completed turn; a failed turn leaves its messages waiting.
5. `unread_count` counts the agent's messages after `read_up_to`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import assert_never
from uuid import UUID

from lingxi_contracts.chat import (
    FailureCode,
    MessagePosted,
    MessageSent,
    MessagesRead,
    SessionDeleted,
    SessionRenamed,
    SessionStarted,
    TurnCompleted,
    TurnFailed,
    TurnStarted,
    Usage,
)
from lingxi_contracts.errors import NothingToRetry, TooManyPending, TurnOpen

PENDING_MAX = 100
"""Messages that may wait for one answer."""
NOBODY = UUID(int=0)
NEVER = datetime.min.replace(tzinfo=UTC)

type SessionEvent = (
    SessionStarted
    | SessionRenamed
    | SessionDeleted
    | MessagePosted
    | MessageSent
    | MessagesRead
    | TurnStarted
    | TurnCompleted
    | TurnFailed
)


# State


@dataclass(frozen=True, slots=True)
class Pending:
    """A user's message without an answer yet."""

    message_id: UUID
    seq: int


@dataclass(frozen=True, slots=True)
class Turn:
    """The newest turn, while it is open (`failure` is null) or failed."""

    turn_id: UUID
    failure: FailureCode | None = None
    detail: str | None = None
    retryable: bool | None = None


@dataclass(frozen=True, slots=True)
class Session:
    """What decisions need, and the counters that every reader of a session asks for."""

    agent_id: UUID = NOBODY
    agent_name: str = ""
    title: str = ""
    titled_by_user: bool = False
    started_at: datetime = NEVER
    last_activity_at: datetime = NEVER
    last_seq: int = 0
    last_agent_seq: int = 0
    taken_up_to: int = 0
    read_up_to: int = 0
    unread_count: int = 0
    first_unread_id: UUID | None = None
    pending: tuple[Pending, ...] = ()
    turn: Turn | None = None
    newest_turn_id: UUID | None = None
    """Also when it is completed: a repeat of what started it is known by this."""

    @property
    def open_turn(self) -> UUID | None:
        """The turn that is being worked on."""
        return self.turn.turn_id if self.turn and self.turn.failure is None else None


NEW = Session()


def evolve(session: Session, event: SessionEvent, at: datetime) -> Session:
    """The session after one event of its stream. Total over `SessionEvent`."""
    match event:
        case SessionStarted():
            return replace(
                session,
                agent_id=event.agent_id,
                agent_name=event.agent_name,
                started_at=at,
                last_activity_at=at,
            )
        case SessionRenamed():
            return replace(session, title=event.title, titled_by_user=True)
        case SessionDeleted():
            return session
        case MessagePosted():
            return replace(
                session,
                last_seq=event.seq,
                last_activity_at=at,
                pending=(*session.pending, Pending(event.message_id, event.seq)),
            )
        case MessageSent():
            return replace(
                session,
                last_seq=event.seq,
                last_agent_seq=event.seq,
                last_activity_at=at,
                unread_count=session.unread_count + 1,
                first_unread_id=session.first_unread_id or event.message_id,
            )
        case MessagesRead():
            return replace(
                session,
                read_up_to=event.up_to_seq,
                unread_count=event.unread_count,
                first_unread_id=event.first_unread_id,
            )
        case TurnStarted():
            taken = session.pending[-1].seq if session.pending else 0
            return replace(
                session,
                turn=Turn(event.turn_id),
                newest_turn_id=event.turn_id,
                taken_up_to=max(session.taken_up_to, taken),
            )
        case TurnCompleted():
            waiting = tuple(p for p in session.pending if p.seq > event.answers_up_to)
            return replace(
                session,
                turn=None,
                pending=waiting,
                taken_up_to=max(session.taken_up_to, event.answers_up_to),
            )
        case TurnFailed():
            return replace(
                session,
                turn=Turn(event.turn_id, event.code, event.detail, event.retryable),
                taken_up_to=max(session.taken_up_to, event.answers_up_to),
            )
        case _:
            assert_never(event)


# Commands that carry more than their request


@dataclass(frozen=True, slots=True)
class Bubble:
    """One message of a reply, as it will be sent."""

    message_id: UUID
    text: str
    delay_ms: int


@dataclass(frozen=True, slots=True)
class Reply:
    """What the model said, and what it cost."""

    bubbles: tuple[Bubble, ...]
    model: str
    fallback_from: str | None
    usage: Usage
    latency_ms: int
    personality_version: int


@dataclass(frozen=True, slots=True)
class Failure:
    """Why the model did not answer."""

    code: FailureCode
    detail: str
    retryable: bool


@dataclass(frozen=True, slots=True)
class TurnEnd:
    """The outcome of one attempt at a turn, which saw the user's messages up to a seq."""

    turn_id: UUID
    attempt: int
    answers_up_to: int
    outcome: Reply | Failure
    next_turn_id: UUID
    """For the turn that starts at once if messages came meanwhile."""


# Decisions


def start(session: Session, agent_id: UUID, agent_name: str) -> Sequence[SessionEvent]:
    """Open the session; a repeat decides nothing."""
    if session.started_at != NEVER:
        return ()
    return (SessionStarted(agent_id=agent_id, agent_name=agent_name),)


def post(
    session: Session,
    message_id: UUID,
    text: str,
    request_hash: str,
    *,
    mark_read: bool,
    turn_id: UUID,
) -> Sequence[SessionEvent]:
    """Say something. A turn starts unless one is open; that one's end starts the next.

    Raises:
        TooManyPending: `PENDING_MAX` messages wait already.
    """
    if len(session.pending) >= PENDING_MAX:
        raise TooManyPending(pending_max=PENDING_MAX)
    posted = MessagePosted(
        message_id=message_id, seq=session.last_seq + 1, text=text, request_hash=request_hash
    )
    read = _read_all(session) if mark_read else ()
    started = () if session.open_turn else (TurnStarted(turn_id=turn_id),)
    return (posted, *read, *started)


def _read_all(session: Session) -> tuple[MessagesRead, ...]:
    if session.unread_count == 0:
        return ()
    return (MessagesRead(up_to_seq=session.last_agent_seq, unread_count=0),)


def read(
    session: Session, up_to_seq: int, unread_count: int, first_unread_id: UUID | None
) -> Sequence[SessionEvent]:
    """The user has seen the agent's messages up to a seq, which leaves so many."""
    up_to_seq = min(up_to_seq, session.last_agent_seq)
    if up_to_seq <= session.read_up_to or session.unread_count == unread_count:
        return ()
    return (
        MessagesRead(
            up_to_seq=up_to_seq, unread_count=unread_count, first_unread_id=first_unread_id
        ),
    )


def end_turn(session: Session, end: TurnEnd) -> Sequence[SessionEvent]:
    """Record a turn's outcome. It decides nothing if that turn is not open any more."""
    if session.open_turn != end.turn_id:
        return ()
    answers = tuple(p.message_id for p in session.pending if p.seq <= end.answers_up_to)
    outcome: tuple[SessionEvent, ...]
    match end.outcome:
        case Reply() as reply:
            outcome = _completed(session, end, reply, answers)
        case Failure() as failure:
            outcome = (
                TurnFailed(
                    turn_id=end.turn_id,
                    answers=answers,
                    answers_up_to=end.answers_up_to,
                    attempt=end.attempt,
                    code=failure.code,
                    detail=failure.detail,
                    retryable=failure.retryable,
                ),
            )
    if len(answers) < len(session.pending):
        return (*outcome, TurnStarted(turn_id=end.next_turn_id))
    return outcome


def _completed(
    session: Session, end: TurnEnd, reply: Reply, answers: tuple[UUID, ...]
) -> tuple[SessionEvent, ...]:
    sent = tuple(
        MessageSent(
            message_id=bubble.message_id,
            seq=session.last_seq + 1 + number,
            turn_id=end.turn_id,
            bubble=number,
            delay_ms=bubble.delay_ms,
            text=bubble.text,
        )
        for number, bubble in enumerate(reply.bubbles)
    )
    completed = TurnCompleted(
        turn_id=end.turn_id,
        answers=answers,
        answers_up_to=end.answers_up_to,
        message_ids=tuple(message.message_id for message in sent),
        attempt=end.attempt,
        model=reply.model,
        fallback_from=reply.fallback_from,
        usage=reply.usage,
        latency_ms=reply.latency_ms,
        personality_version=reply.personality_version,
    )
    return (*sent, completed)


def retry(session: Session, turn_id: UUID) -> Sequence[SessionEvent]:
    """Try the newest turn again. A repeat decides nothing.

    Raises:
        TurnOpen: a turn is being worked on.
        NothingToRetry: the newest turn did not fail.
    """
    if session.newest_turn_id == turn_id:
        return ()
    if session.open_turn:
        raise TurnOpen
    if session.turn is None:
        raise NothingToRetry
    return (TurnStarted(turn_id=turn_id, retry_of=session.turn.turn_id),)


def rename(session: Session, title: str) -> Sequence[SessionEvent]:
    """Choose a title; the same again decides nothing."""
    if session.titled_by_user and session.title == title:
        return ()
    return (SessionRenamed(title=title),)


def delete() -> Sequence[SessionEvent]:
    """Delete the session for good."""
    return (SessionDeleted(),)
