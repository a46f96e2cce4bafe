"""What an operator asks of a service about a dead letter: to handle its event again."""

from typing import Literal
from uuid import UUID

from pydantic import Field

from lingxi_contracts.base import Answer
from lingxi_contracts.errors import Refusal
from lingxi_contracts.operations import Operation


class HandlerUnknown(Refusal):
    """The service has no handler of this name."""

    code = "handler_unknown"


class EventGone(Refusal):
    """The event is no longer in its owner's stream, and its log has none of this id."""

    code = "event_gone"


class HandlerFailed(Refusal):
    """The handler failed again; `error` is the class of its exception."""

    code = "handler_failed"


class Replayed(Answer):
    """What became of the event. `refused` by the domain, or `skipped` as erased: an answer too."""

    outcome: Literal["handled", "refused", "skipped"]


class ReplayLetter(Operation[Replayed]):
    """Take the event of a dead letter from its owner and handle it again.

    Refused: HandlerUnknown, EventGone, HandlerFailed, Unavailable. A repeat is harmless.
    """

    name = "replay_letter"
    handler: str
    event_id: UUID
    user_id: UUID
    event_type: str | None
    stream_seq: int = Field(ge=1)
