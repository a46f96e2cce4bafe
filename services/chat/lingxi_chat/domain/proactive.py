"""What the agent says by itself: a decision that others made, carried out once, or refused."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from lingxi_chat.domain.session import Session, SessionEvent
from lingxi_chat.domain.summaries import fall_due
from lingxi_contracts.chat import MessageSent
from lingxi_contracts.errors import (
    ProactiveExpired,
    ProactiveOutdated,
    TurnOpen,
    UnreadMessages,
)


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision to write: `based_on_user_seq` is the user's newest message, 0 for none."""

    decision_id: UUID
    message_id: UUID
    text: str
    based_on_user_seq: int
    expires_at: datetime


def send_proactive(session: Session, decided: Decided, at: datetime) -> Sequence[SessionEvent]:
    """Say it. Whether it was said before is for the caller to know.

    Raises:
        ProactiveExpired: it is too late.
        ProactiveOutdated: the user's newest message is another one, or needs care.
        TurnOpen: a turn is being worked on.
        UnreadMessages: the user has not read what the agent said before.
    """
    if at >= decided.expires_at:
        raise ProactiveExpired
    newest_user_seq = session.newest_user.seq if session.newest_user else 0
    if newest_user_seq != decided.based_on_user_seq or session.newest_user_flagged:
        raise ProactiveOutdated
    if session.open_turn:
        raise TurnOpen
    if session.unread_count:
        raise UnreadMessages
    sent = MessageSent(
        message_id=decided.message_id,
        seq=session.last_seq + 1,
        proactive_id=decided.decision_id,
        bubble=0,
        delay_ms=0,
        text=decided.text,
    )
    return (sent, *fall_due(session, sent.seq))
