"""What becomes of a user's message: answered, failed, or not yet.

Ids are in their canonical text form, as events and clients have them. `critical`: the message was
flagged, and this is to be shown with whatever becomes of it.
"""

from dataclasses import dataclass
from datetime import datetime

from lingxi_contracts.chat import Critical, MessageView, News, PostedMessage


@dataclass(frozen=True, slots=True)
class Bubble:
    """One message of an answer. `place`: from 0."""

    message_id: str
    text: str
    seq: int
    place: int
    delay_ms: int
    sent_at: datetime


@dataclass(frozen=True, slots=True)
class Answered:
    """The turn that took the message said this, in this order. `news` came since the last."""

    turn_id: str
    bubbles: tuple[Bubble, ...]
    news: tuple[News, ...] = ()
    critical: Critical | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """The turn that took the message ended without an answer."""

    turn_id: str
    code: str
    detail: str
    retryable: bool
    critical: Critical | None = None


@dataclass(frozen=True, slots=True)
class Pending:
    """The message is recorded; its answer is not there yet."""

    turn_id: str
    critical: Critical | None = None


type Outcome = Answered | Failed | Pending


def recorded(posted: PostedMessage) -> Outcome:
    """What the owner of the message says."""
    if posted.answer is not None:
        said = tuple(map(_bubble, posted.answer.messages))
        return Answered(str(posted.answer.turn_id), said, posted.answer.news, posted.critical)
    if posted.failure is not None:
        failure = posted.failure
        return Failed(
            str(failure.turn_id),
            failure.code,
            failure.detail,
            failure.retryable,
            posted.critical,
        )
    return Pending(str(posted.turn_id), posted.critical)


def _bubble(view: MessageView) -> Bubble:
    return Bubble(
        message_id=str(view.message_id),
        text=view.text,
        seq=view.seq,
        place=view.bubble or 0,
        delay_ms=view.delay_ms or 0,
        sent_at=view.sent_at,
    )
