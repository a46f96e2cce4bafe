"""What belongs to the work at hand: its correlation id and its cause.

One correlation id goes from the HTTP request through requests, events and logs to the model call.
"""

from contextvars import ContextVar

import structlog

from lingxi_chassis import tracing
from lingxi_chassis.ids import new_id

CORRELATION_HEADER = "Lingxi-Correlation-Id"

_correlation_id: ContextVar[str | None] = ContextVar("correlation_id", default=None)
_causation_id: ContextVar[str | None] = ContextVar("causation_id", default=None)


def correlation_id() -> str:
    """The id of the work at hand; made here if nothing brought one."""
    current = _correlation_id.get()
    if current is None:
        current = str(new_id())
        _correlation_id.set(current)
    return current


def begin(correlation: str | None, causation: str | None = None) -> None:
    """Start a piece of work in this task; logs of it carry the ids."""
    _correlation_id.set(correlation or str(new_id()))
    _causation_id.set(causation)
    structlog.contextvars.bind_contextvars(correlation_id=_correlation_id.get())


def current_metadata() -> dict[str, str]:
    """What an event keeps of the work it came from."""
    metadata = {"correlation_id": correlation_id()}
    causation = _causation_id.get()
    if causation is not None:
        metadata["causation_id"] = causation
    tracing.hand_on(metadata)
    return metadata
