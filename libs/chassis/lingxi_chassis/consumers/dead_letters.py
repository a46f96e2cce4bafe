"""Where events go that a handler cannot take: as a reference, without their content.

An operator lists, replays and drops them. One letter an event and handler: a repeat replaces it.
"""

from uuid import UUID, uuid5

import orjson
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import DiscardPolicy, RetentionPolicy, StorageType, StreamConfig
from nats.js.errors import NotFoundError

from lingxi_chassis.consumers.durable import Durable
from lingxi_contracts.envelope import Envelope
from lingxi_contracts.subjects import DEAD_LETTERS_STREAM, dead_letter_subject

LETTERS_MAX = 1_000_000
LETTERS_BYTES_MAX = 1024**3
NOBODY = UUID(int=0)
"""Stands for the user in the subject of a letter whose user cannot be read."""

CONFIG = StreamConfig(
    name=DEAD_LETTERS_STREAM,
    subjects=["dead.>"],
    retention=RetentionPolicy.LIMITS,
    storage=StorageType.FILE,
    discard=DiscardPolicy.OLD,
    max_msgs=LETTERS_MAX,
    max_bytes=LETTERS_BYTES_MAX,
    max_msgs_per_subject=1,
)


async def ensure_dead_letters(js: JetStreamContext, replicas: int = 1) -> None:
    """Have the stream, on so many servers. Every service may make and change it.

    Raises:
        nats.errors.Error: JetStream is away or refuses.
    """
    try:
        info = await js.stream_info(DEAD_LETTERS_STREAM)
    except NotFoundError:
        await js.add_stream(CONFIG, num_replicas=replicas)
        return
    if info.config.num_replicas != replicas:
        await js.update_stream(CONFIG, num_replicas=replicas)


async def count_dead_letters(js: JetStreamContext) -> int:
    """How many there are, of all services.

    Raises:
        nats.errors.Error: JetStream is away.
    """
    try:
        return (await js.stream_info(DEAD_LETTERS_STREAM)).state.messages
    except NotFoundError:  # nobody ever wrote one
        return 0


async def put_dead_letter(
    js: JetStreamContext, durable: Durable, message: Msg, event: Envelope | None, error: str
) -> None:
    """Keep a reference to an event; `event` None: it could not be read.

    Raises:
        nats.errors.Error: it was not stored.
    """
    stream_seq = message.metadata.sequence.stream
    user_id = event.userid if event else _user_in(message.subject)
    event_id = event.id if event else unread_event_id(durable, stream_seq)
    letter = {
        "owner": durable.owner,
        "stream": durable.stream,
        "stream_seq": stream_seq,
        "type": event.type if event else None,
        "error": error,
        "deliveries": message.metadata.num_delivered,
    }
    subject = dead_letter_subject(durable.service, durable.handler, user_id, event_id)
    headers = {"content-type": "application/json"}
    await js.publish(subject, orjson.dumps(letter), stream=DEAD_LETTERS_STREAM, headers=headers)


def unread_event_id(durable: Durable, stream_seq: int) -> UUID:
    """Stands for the id of an event that cannot be read."""
    return uuid5(NOBODY, f"{durable.stream}:{stream_seq}")


def _user_in(subject: str) -> UUID:
    """The user in `<owner>.event.<name>.<user>.<stream id>`."""
    try:
        return UUID(subject.split(".")[3])
    except (IndexError, ValueError):
        return NOBODY
