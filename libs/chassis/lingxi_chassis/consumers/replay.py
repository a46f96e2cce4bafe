"""A service's part in a replay: find the event of a dead letter, and handle it once more.

The event is taken from the owner's stream, never from who asks, one message at a time: a consumer
of another name than its durables' is not permitted to a service. It is handled beside the durable
consumer, as by one more worker; handlers are idempotent and commutative.
"""

import asyncio
from contextlib import suppress

import structlog
from nats.js import JetStreamContext
from nats.js.api import RawStreamMsg
from nats.js.errors import NotFoundError
from pydantic import ValidationError

from lingxi_chassis import context
from lingxi_chassis.consumers.dead_letters import unread_event_id
from lingxi_chassis.consumers.durable import Durable
from lingxi_chassis.consumers.handling import AWAY, Handle
from lingxi_contracts.dead_letters import EventGone, HandlerFailed, Replayed, ReplayLetter
from lingxi_contracts.envelope import Envelope
from lingxi_contracts.errors import Refusal, Unavailable
from lingxi_contracts.subjects import events_of_user

SEARCHED_EVENTS_MAX = 10_000
"""Of one user and one name, when a healed stream holds the event at another sequence."""

log = structlog.get_logger(__name__)


async def replay_event(
    js: JetStreamContext, durable: Durable, handle: Handle, request: ReplayLetter
) -> Replayed:
    """Handle the event again.

    Raises:
        EventGone, HandlerFailed, Unavailable.
    """
    try:
        message = await _find(js, durable, request)
    except AWAY as error:
        raise Unavailable from error
    if message is None:
        raise EventGone
    try:
        event = Envelope.model_validate_json(message.data or b"")
    except ValidationError as error:
        raise HandlerFailed(error="Unreadable") from error
    if event.data is None or event.name not in durable.events:
        return Replayed(outcome="skipped")
    context.begin(event.correlationid, str(event.id))
    try:
        async with asyncio.timeout(durable.limits.handle_seconds_max):
            await handle(event)
    except AWAY as error:
        raise Unavailable from error
    except Refusal:
        return Replayed(outcome="refused")
    except Exception as error:
        log.exception("event_failed", consumer=durable.name, event_id=str(event.id))
        raise HandlerFailed(error=type(error).__name__) from error
    return Replayed(outcome="handled")


async def _find(
    js: JetStreamContext, durable: Durable, request: ReplayLetter
) -> RawStreamMsg | None:
    """Where the letter says, or wherever a healed stream has it now."""
    with suppress(NotFoundError):
        there = await js.get_msg(durable.stream, request.stream_seq)
        if _is_it(there, durable, request):
            return there
    if request.event_type is None:
        return None
    of_user = events_of_user(durable.owner, request.event_type.partition(".")[0], request.user_id)
    seq = 0
    for _ in range(SEARCHED_EVENTS_MAX):
        try:
            found = await js.get_msg(durable.stream, seq=seq + 1, subject=of_user, next=True)
        except NotFoundError:
            return None
        if _is_it(found, durable, request):
            return found
        assert found.seq is not None
        seq = found.seq
    return None


def _is_it(message: RawStreamMsg, durable: Durable, request: ReplayLetter) -> bool:
    assert message.seq is not None
    try:
        return Envelope.model_validate_json(message.data or b"").id == request.event_id
    except ValidationError:
        return unread_event_id(durable, message.seq) == request.event_id
