"""Live signals: what is worth knowing now and nothing later. Stream `CHAT_LIVE` forgets them.

On `chat.live.<user>.<session>`, as JSON. They have no cursor; `offset_chars` makes a repeated
delta harmless, and a delta of a lower attempt, or after the turn's end, is to be passed over: the
messages of the log are what was said.
"""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, TypeAdapter

from lingxi_contracts.base import Frozen

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
