"""What the user does in a session beside steering its turns.

The invariants are those of `session`.
"""

from collections.abc import Sequence
from uuid import UUID

from lingxi_chat.domain.session import NEVER, Session, SessionEvent
from lingxi_contracts.chat import (
    Critical,
    MessageFlagged,
    MessagePosted,
    MessagesRead,
    SessionDeleted,
    SessionRenamed,
    SessionStarted,
    TurnStarted,
)
from lingxi_contracts.errors import TooManyPending

PENDING_MAX = 100
"""Messages that may wait for one answer."""


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
    critical: Critical | None = None,
) -> Sequence[SessionEvent]:
    """Say something, which may be `critical`. A turn starts unless one is open; that one's end
    starts the next.

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
    return (posted, *flag(posted, critical), *read, *started)


def flag(posted: MessagePosted, critical: Critical | None) -> Sequence[SessionEvent]:
    """The message needs care, if there is anything to say about it."""
    return (flagged(posted.message_id, posted.seq, critical),) if critical else ()


def flagged(message_id: UUID, seq: int, critical: Critical) -> MessageFlagged:
    """A message of the user's needs care."""
    return MessageFlagged(
        message_id=message_id,
        seq=seq,
        critical_type=critical.critical_type,
        text=critical.text,
        links=critical.links,
    )


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


def rename(session: Session, title: str) -> Sequence[SessionEvent]:
    """Choose a title; the same again decides nothing."""
    if session.titled_by_user and session.title == title:
        return ()
    return (SessionRenamed(title=title),)


def delete() -> Sequence[SessionEvent]:
    """Delete the session for good."""
    return (SessionDeleted(),)
