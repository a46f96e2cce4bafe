"""Reading pieces of streams that were stored before now: for clients that come back.

A short-lived consumer, read in batches as the reader asks for them: whoever reads slowly is waited
for, and holds no more than one batch.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from dataclasses import dataclass
from datetime import datetime

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError, TimeoutError as NatsTimeoutError
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy, StreamInfo
from nats.js.errors import NotFoundError, ServiceUnavailableError

from lingxi_chassis.clock import monotonic
from lingxi_chassis.ids import new_id
from lingxi_contracts.errors import Unavailable
from lingxi_contracts.subjects import durable_name

BATCH_EVENTS = 100
FETCH_SECONDS_MAX = 1.0
ABANDONED_SECONDS = 60.0
"""A reader that is slower than this for one batch finds its consumer gone, and comes again."""
KNOWN_SECONDS_MAX = 1.0
KNOWN_POLL_SECONDS = 0.01
"""In a cluster, the server we ask hears of a new consumer some milliseconds after it is made."""

type Events = AsyncGenerator[tuple[int, str, bytes]]
"""Sequence, subject and payload of messages."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What a stream holds right now: which life of it this is, and its bounds."""

    created: int
    first_seq: int
    last_seq: int


class Streams:
    """Reads stored events and live signals. Raises `Unavailable` when JetStream is away."""

    def __init__(self, nats: Client) -> None:
        self._nats = nats
        self._js = nats.jetstream()

    async def stored(self, stream: str) -> Stored | None:
        """What the stream holds; None: there is no such stream."""
        try:
            info = await self._js.stream_info(stream)
        except NotFoundError:
            return None
        except (NatsError, TimeoutError, OSError) as error:
            raise Unavailable from error
        return Stored(life_of(info), info.state.first_seq, info.state.last_seq)

    def read(
        self,
        stream: str,
        subject: str,
        *,
        after_seq: int = 0,
        up_to_seq: int | None = None,
        since: datetime | None = None,
    ) -> Events:
        """What is stored behind a sequence, or since a moment, in order.

        Without `up_to_seq`, to the stream's end as it is now. Of a stream that is not there,
        nothing.
        """
        if since is not None:
            start = _Start(DeliverPolicy.BY_START_TIME, time=since)
        else:
            start = _Start(DeliverPolicy.BY_START_SEQUENCE, seq=after_seq + 1)
        return self._read(stream, subject, start, up_to_seq)

    def newest(self, stream: str, subject: str) -> Events:
        """The newest message of each subject that matches. Of no stream, nothing."""
        return self._read(stream, subject, _Start(DeliverPolicy.LAST_PER_SUBJECT), None)

    async def _read(
        self, stream: str, subject: str, start: "_Start", up_to_seq: int | None
    ) -> Events:
        name = durable_name("gateway", f"reader-{new_id()}")
        config = ConsumerConfig(
            name=name,
            filter_subject=subject,
            deliver_policy=start.policy,
            opt_start_seq=start.seq,
            opt_start_time=start.time,
            ack_policy=AckPolicy.NONE,
            inactive_threshold=ABANDONED_SECONDS,
            num_replicas=1,
            mem_storage=True,
        )
        try:
            made = await self._js.add_consumer(stream, config)
        except NotFoundError:
            return
        except (NatsError, TimeoutError, OSError) as error:
            raise Unavailable from error
        try:
            if made.num_pending:
                fetching = self._fetched(stream, name, made.num_pending, up_to_seq)
                async with aclosing(fetching) as fetched:
                    async for message in fetched:
                        yield message
        finally:
            with suppress(NatsError, TimeoutError, OSError):
                await self._js.delete_consumer(stream, name)

    async def _fetched(self, stream: str, name: str, left: int, up_to_seq: int | None) -> Events:
        try:
            subscription = await self._js.pull_subscribe_bind(name, stream)
            try:
                while left > 0:
                    batch = await self._batch(subscription, stream, name, left)
                    if not batch:
                        return
                    # The server's own count: messages may be forgotten while they are read.
                    left = min(left - len(batch), int(batch[-1].reply.rpartition(".")[2]))
                    for message in batch:
                        seq, _ = place_of(message.reply)
                        if up_to_seq is not None and seq > up_to_seq:
                            return
                        yield seq, message.subject, message.data
            finally:
                with suppress(NatsError):
                    await subscription.unsubscribe()
        except (NatsError, TimeoutError, OSError) as error:
            raise Unavailable from error

    async def _batch(
        self,
        subscription: JetStreamContext.PullSubscription,
        stream: str,
        name: str,
        left: int,
    ) -> list[Msg]:
        """The next messages; none: the rest was forgotten meanwhile."""
        try:
            return await _fetch(subscription, min(BATCH_EVENTS, left))
        except NatsTimeoutError:
            if (await self._js.consumer_info(stream, name)).num_pending:
                raise
            return []


async def _fetch(subscription: JetStreamContext.PullSubscription, batch: int) -> list[Msg]:
    deadline = monotonic() + KNOWN_SECONDS_MAX
    while True:
        try:
            return await subscription.fetch(batch, FETCH_SECONDS_MAX)
        except ServiceUnavailableError:
            if monotonic() > deadline:
                raise
        await asyncio.sleep(KNOWN_POLL_SECONDS)


@dataclass(frozen=True, slots=True)
class _Start:
    policy: DeliverPolicy
    seq: int | None = None
    time: datetime | None = None


def life_of(info: StreamInfo) -> int:
    """When the stream was made, in microseconds since 1970."""
    return round(info.created.timestamp() * 1_000_000) if info.created else 0


def place_of(reply: str) -> tuple[int, int]:
    """Sequences of stream and consumer in an event's reply subject; (0, 0) if it is no event's.

    `$JS.ACK.<stream>.<consumer>.<tries>.<stream seq>.<consumer seq>.<time>.<pending>`, or with
    domain and account before the stream.
    """
    if not reply.startswith("$JS.ACK."):
        return 0, 0
    tokens = reply.split(".")
    first = 5 if len(tokens) == 9 else 7  # noqa: PLR2004 - the lengths of the two forms
    return int(tokens[first]), int(tokens[first + 1])
