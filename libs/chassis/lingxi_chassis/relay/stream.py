"""An owner's stream: made and kept as configured by its relay, its only publisher."""

from dataclasses import dataclass

import orjson
from nats.js import JetStreamContext
from nats.js.api import DiscardPolicy, RetentionPolicy, StorageType, StreamConfig, StreamInfo
from nats.js.errors import NotFoundError

from lingxi_chassis.fillings import next_filling
from lingxi_contracts.subjects import event_subjects, stream_name

DAY_SECONDS = 86_400


@dataclass(frozen=True, slots=True)
class StreamLimits:
    """How much a stream keeps."""

    max_age_seconds: float = 30 * DAY_SECONDS
    max_bytes: int = 4 * 1024**3
    replicas: int = 1


@dataclass(frozen=True, slots=True)
class StreamPosition:
    """Which life of the stream this is, and its last sequence."""

    created: str
    last_seq: int


def _config(owner: str, limits: StreamLimits) -> StreamConfig:
    return StreamConfig(
        name=stream_name(owner),
        subjects=[event_subjects(owner)],
        retention=RetentionPolicy.LIMITS,
        storage=StorageType.FILE,
        discard=DiscardPolicy.NEW,
        max_age=limits.max_age_seconds,
        max_bytes=limits.max_bytes,
        num_replicas=limits.replicas,
    )


def _position(info: StreamInfo) -> StreamPosition:
    created = info.created.isoformat() if info.created else ""
    return StreamPosition(created, info.state.last_seq)


async def ensure_stream(js: JetStreamContext, owner: str, limits: StreamLimits) -> StreamPosition:
    """Make the stream, or bring it to its configuration; where it stands.

    Raises:
        nats.errors.Error: JetStream is away or refuses.
    """
    config = _config(owner, limits)
    try:
        await js.stream_info(stream_name(owner))
    except NotFoundError:
        return _position(await js.add_stream(config))
    return _position(await js.update_stream(config))


async def stream_position(js: JetStreamContext, owner: str) -> StreamPosition:
    """Where the stream stands. Raises NotFoundError when it vanished."""
    return _position(await js.stream_info(stream_name(owner)))


async def event_id_in(js: JetStreamContext, owner: str, seq: int) -> str | None:
    """The id of the event that the stream holds at a sequence; None: it has forgotten it."""
    try:
        message = await js.get_msg(stream_name(owner), seq)
    except NotFoundError:
        return None
    return str(orjson.loads(message.data or b"{}").get("id"))


async def empty(js: JetStreamContext, owner: str) -> StreamPosition:
    """Empty the stream for another filling; where it stands then.

    That place is decided before, not looked up afterwards: a relay that publishes meanwhile is
    refused, and one that empties it as well has decided on the same.
    """
    stream = await stream_position(js, owner)
    if stream.last_seq == 0:
        return stream
    first_seq = next_filling(stream.last_seq)
    await js.purge_stream(stream_name(owner), seq=first_seq)
    return StreamPosition(stream.created, first_seq - 1)
