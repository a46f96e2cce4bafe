"""What becomes of a user's message: answered, failed, or not yet.

Ids are in their canonical text form, as events and clients have them.
"""

from dataclasses import dataclass

from lingxi_contracts.chat import PostedMessage


@dataclass(frozen=True, slots=True)
class Bubble:
    """One message of an answer."""

    message_id: str
    text: str


@dataclass(frozen=True, slots=True)
class Answered:
    """The turn that took the message said this, in this order."""

    turn_id: str
    bubbles: tuple[Bubble, ...]


@dataclass(frozen=True, slots=True)
class Failed:
    """The turn that took the message ended without an answer."""

    turn_id: str
    code: str
    detail: str
    retryable: bool


@dataclass(frozen=True, slots=True)
class Pending:
    """The message is recorded; its answer is not there yet."""

    turn_id: str


type Outcome = Answered | Failed | Pending


def recorded(posted: PostedMessage) -> Outcome:
    """What the owner of the message says."""
    if posted.answer is not None:
        bubbles = tuple(Bubble(str(one.message_id), one.text) for one in posted.answer.messages)
        return Answered(str(posted.answer.turn_id), bubbles)
    if posted.failure is not None:
        failure = posted.failure
        return Failed(str(failure.turn_id), failure.code, failure.detail, failure.retryable)
    return Pending(str(posted.turn_id))
