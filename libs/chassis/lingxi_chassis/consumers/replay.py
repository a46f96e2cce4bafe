"""A service's part in a replay: find the event of a dead letter, and handle it once more.

The event is taken from the owner's stream, never from who asks. It is handled beside the durable
consumer, as by one more worker; handlers are idempotent and commutative.
"""

import asyncio

import structlog
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from pydantic import ValidationError

from lingxi_chassis import context
from lingxi_chassis.consumers.dead_letters import unread_event_id
from lingxi_chassis.consumers.durable import Durable
from lingxi_chassis.consumers.handling import AWAY, Handle
from lingxi_contracts.dead_letters import EventGone, HandlerFailed, Replayed, ReplayLetter
from lingxi_contracts.envelope import Envelope
from lingxi_contracts.errors import Refusal, Unavailable
from lingxi_contracts.subjects import event_subjects, events_of_user

SEARCHED_EVENTS_MAX = 10_000
"""Of one user and one name, when a healed stream holds the event at another sequence."""
FETCH_EVENTS = 100
FETCH_SECONDS_MAX = 2.0
INACTIVE_SECONDS = 30.0
"""After this the server forgets the consumer of a search."""

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
        event = Envelope.model_validate_json(message.data)
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


async def _find(js: JetStreamContext, durable: Durable, request: ReplayLetter) -> Msg | None:
    """Where the letter says, or wherever a healed stream has it now."""
    everything = event_subjects(durable.owner)
    found = await _search(
        js, durable, request, everything, start_seq=request.stream_seq, messages_max=1
    )
    if found is None and request.event_type is not None:
        name = request.event_type.partition(".")[0]
        of_user = events_of_user(durable.owner, name, request.user_id)
        found = await _search(
            js, durable, request, of_user, start_seq=1, messages_max=SEARCHED_EVENTS_MAX
        )
    return found


async def _search(
    js: JetStreamContext,
    durable: Durable,
    request: ReplayLetter,
    subject: str,
    *,
    start_seq: int,
    messages_max: int,
) -> Msg | None:
    config = ConsumerConfig(
        deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
        opt_start_seq=start_seq,
        ack_policy=AckPolicy.NONE,
        inactive_threshold=INACTIVE_SECONDS,
        mem_storage=True,
    )
    pull = await js.pull_subscribe(subject, stream=durable.stream, config=config)
    try:
        left = min((await pull.consumer_info()).num_pending or 0, messages_max)
        while left > 0:
            messages = await pull.fetch(min(left, FETCH_EVENTS), FETCH_SECONDS_MAX)
            for message in messages:
                if _is_it(message, durable, request):
                    return message
            left -= len(messages)
        return None
    finally:
        await pull.unsubscribe()


def _is_it(message: Msg, durable: Durable, request: ReplayLetter) -> bool:
    try:
        return Envelope.model_validate_json(message.data).id == request.event_id
    except ValidationError:
        return unread_event_id(durable, message.metadata.sequence.stream) == request.event_id
