"""Live signals: what is worth knowing now and nothing later. Stream `CHAT_LIVE` forgets them.

On `chat.live.<user>.<session>`, as JSON. They have no cursor; `offset_chars` makes a repeated
delta harmless, and a delta of a lower attempt, or after the turn's end, is to be passed over: the
messages of the log are what was said.

The end of a turn is told on core NATS alone, which keeps nothing: `turn_ended`.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, SerializeAsAny, TypeAdapter

from lingxi_contracts.base import Event, Frozen

DELTA_MS_MAX = 20
"""Text is collected for this long, or until `DELTA_TOKENS_MAX` came, before it is told."""
DELTA_TOKENS_MAX = 8
LIVE_SECONDS = 300
"""How long `CHAT_LIVE` remembers: long enough for a client to come back into a streamed reply."""
TYPING_SECONDS = 6


class Delta(Frozen):
    """A piece of a bubble while the model speaks: `text` begins at `offset_chars` of the bubble."""

    type: Literal["delta"] = "delta"
    session_id: UUID
    turn_id: UUID
    attempt: int = Field(ge=1)
    bubble: int = Field(ge=0)
    offset_chars: int = Field(ge=0)
    text: str


class Typing(Frozen):
    """Somebody is writing, until told again or until then."""

    type: Literal["typing"] = "typing"
    session_id: UUID
    who: Literal["user", "agent"]
    until: datetime


LIVE_SIGNAL: TypeAdapter[Delta | Typing] = TypeAdapter(
    Annotated[Delta | Typing, Field(discriminator="type")]
)


class _Recorded(Frozen):
    type: str
    time: datetime
    data: SerializeAsAny[Event]


_RECORDED = TypeAdapter(tuple[_Recorded, ...])


def turn_ended(events: Sequence[Event], at: datetime) -> bytes:
    """The events of the append that ended a turn, told as soon as it is committed.

    A JSON array of objects with an event envelope's `type`, `time` and `data`. It comes once at
    most, and before the events' publication: who needs them all follows the stream.
    """
    recorded = tuple(
        _Recorded.model_construct(type=event.tag, time=at, data=event) for event in events
    )
    return _RECORDED.dump_json(recorded)
