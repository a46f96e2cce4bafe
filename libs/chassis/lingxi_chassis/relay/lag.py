"""How far the relay is behind the log, asked from outside of it."""

from dataclasses import dataclass

from nats.js import JetStreamContext
from nats.js.errors import NotFoundError

from lingxi_chassis.postgres import Pool, fetch_one
from lingxi_chassis.relay.stream import stream_position

_CHECKPOINT = "select stream_created, stream_seq from relay_checkpoint"
# Rows after the checkpoint, but for those the stream has already: the checkpoint lags.
_BEHIND = """
    select count(*), extract(epoch from now() - min(occurred_at))::float8
    from (
        select occurred_at from events
        where (xid, position) > (select xid, position from relay_checkpoint)
        order by xid, position
        offset greatest(%(last_seq)s - (select stream_seq from relay_checkpoint), 0)
        limit %(counted_max)s
    ) waiting
"""


@dataclass(frozen=True, slots=True)
class Lag:
    """Rows that the stream does not hold yet, and the age of the oldest in seconds."""

    events: int
    seconds: float | None


async def relay_lag(pool: Pool, js: JetStreamContext, owner: str, counted_max: int) -> Lag:
    """How many rows wait, counted up to a bound.

    Raises:
        Unavailable, nats.errors.Error: the database or JetStream is away.
    """
    checkpoint = await fetch_one(pool, _CHECKPOINT, {})
    assert checkpoint is not None
    try:
        stream = await stream_position(js, owner)
    except NotFoundError:
        last_seq = 0  # it is to be filled from the start
    else:
        same = stream.created == checkpoint[0]
        last_seq = stream.last_seq if same else 0
    row = await fetch_one(pool, _BEHIND, {"last_seq": last_seq, "counted_max": counted_max})
    assert row is not None
    return Lag(row[0], row[1])
