"""The envelope of an event on the wire: CloudEvents 1.0 JSON with our extensions.

`subject` is the stream id and `sequence` its version: whoever reads a subject's events by sequence
sees them in order without gaps. `data` is null when the content was erased.
"""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import Field, field_serializer

from lingxi_contracts.base import Frozen

CONTENT_TYPE = "application/cloudevents+json"


class Envelope(Frozen):
    """One published event. `sequence` and `position` are integers, strings on the wire."""

    specversion: Literal["1.0"] = "1.0"
    id: UUID
    source: str
    type: str
    subject: UUID
    time: datetime
    datacontenttype: Literal["application/json"] = "application/json"
    userid: UUID
    sequence: int = Field(ge=1)
    position: int = Field(ge=1)
    correlationid: str | None = None
    causationid: str | None = None
    data: dict[str, Any] | None

    @field_serializer("sequence", "position")
    def _as_string(self, value: int) -> str:
        return str(value)

    @property
    def name(self) -> str:
        """The event's name without its version: `message_posted`."""
        return self.type.partition(".")[0]
