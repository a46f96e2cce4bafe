"""A service's part in a replay: find the event of a dead letter, and handle it once more.

The event is taken from its owner, never from who asks: from the stream where the letter says, else
from the log, which forgets none. It is handled beside the durable consumer, as by one more worker;
handlers are idempotent and commutative.
"""

import asyncio

import structlog
from nats.js import JetStreamContext
from nats.js.errors import NotFoundError
from pydantic import ValidationError

from lingxi_chassis import context
from lingxi_chassis.consumers.dead_letters import unread_event_id
from lingxi_chassis.consumers.durable import Durable
from lingxi_chassis.consumers.handling import AWAY, Handle
from lingxi_chassis.rpc import RpcClient
from lingxi_contracts.dead_letters import EventGone, HandlerFailed, Replayed, ReplayLetter
from lingxi_contracts.envelope import Envelope
from lingxi_contracts.errors import Refusal, Unavailable
from lingxi_contracts.reading import ReadEvent

log = structlog.get_logger(__name__)


async def replay_event(
    js: JetStreamContext, rpc: RpcClient, durable: Durable, handle: Handle, request: ReplayLetter
) -> Replayed:
    """Handle the event again.

    Raises:
        EventGone, HandlerFailed, Unavailable.
    """
    try:
        event = await _in_stream(js, durable, request) or await _in_log(rpc, durable, request)
    except AWAY as error:
        raise Unavailable from error
    if event is None:
        raise EventGone
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


async def _in_stream(
    js: JetStreamContext, durable: Durable, request: ReplayLetter
) -> Envelope | None:
    """Where the letter says, unless the stream has forgotten it or was filled anew."""
    try:
        message = await js.get_msg(durable.stream, request.stream_seq)
    except NotFoundError:
        return None
    try:
        event = Envelope.model_validate_json(message.data or b"")
    except ValidationError as error:
        if unread_event_id(durable, request.stream_seq) == request.event_id:
            raise HandlerFailed(error="Unreadable") from error
        return None
    return event if event.id == request.event_id else None


async def _in_log(rpc: RpcClient, durable: Durable, request: ReplayLetter) -> Envelope | None:
    if request.event_type is None:
        return None  # it was unreadable: no log has such a thing
    question = ReadEvent(event_id=request.event_id)
    return (await rpc.call(question, owner=durable.owner)).event
