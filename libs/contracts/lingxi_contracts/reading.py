"""Questions that every owner of a log answers: what it says, from its beginning, page by page, and
what one event was.

For services that keep what others' events told, and lost it or began late: streams forget.
"""

from uuid import UUID

from pydantic import Field

from lingxi_contracts.base import Answer, Frozen, Request
from lingxi_contracts.envelope import Envelope

NAMES_MAX = 64


class LogPlace(Frozen):
    """A place in a log, in the order of publication; what it says is the owner's business."""

    xid: str = Field(default="0", pattern=r"^\d{1,20}$")
    position: int = Field(default=0, ge=0)


class LogPage(Answer):
    """Events in the order of publication; a page may have none. `next_after`: ask on from there;
    null: what is not told yet will come by the stream."""

    events: tuple[Envelope, ...]
    next_after: LogPlace | None


class ReadLog(Request[LogPage]):
    """The events of these names (`message_posted`, any version) after a place in an owner's log.

    Erased ones are left out. The caller says which owner it asks.
    """

    name = "read_log"
    names: tuple[str, ...] = Field(min_length=1, max_length=NAMES_MAX)
    after: LogPlace = LogPlace()


class LoggedEvent(Answer):
    """An event as the log has it, `data` null if it was erased; null: the log has none of this id,
    or one too large for an answer."""

    event: Envelope | None


class ReadEvent(Request[LoggedEvent]):
    """One event of an owner's log. The caller says which owner it asks."""

    name = "read_event"
    event_id: UUID
