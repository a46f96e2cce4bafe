"""The tail: follows one stream from now on, in order, for as long as this process lives.

It is an ordered consumer of our own making (docs/decisions/0009): the library's starts over from
the first event of the stream when it is reset before its first message, and cannot be looked at.
Invariants:

1. Events are dispatched in the order of the stream, each once, from the place where the tail began.
2. Where that cannot be kept (the stream is new or filled anew, or forgot events we had not seen)
   the tail goes on from the stream's end and says so first: `on_gap`.
3. A consumer serves until the first doubt: a gap in its count, an event of another filling,
   silence, a reconnect, or the server not knowing it. Then a new one begins behind the last event
   that was dispatched.

A server that is killed forgets the consumer, and nothing tells us: hence heartbeats, and a look
every `CHECK_SECONDS`. An abandoned consumer has no listener and is dropped by the server.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress

import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from lingxi_chassis.clock import monotonic
from lingxi_chassis.ids import new_id
from lingxi_contracts.subjects import durable_name
from lingxi_gateway.adapters.streams import life_of, place_of
from lingxi_gateway.application.places import Place

HEARTBEAT_SECONDS = 2.0
SILENCE_SECONDS_MAX = 5.0
CHECK_SECONDS = 10.0
TICK_SECONDS = 0.25
"""How soon a reconnect is noticed."""
RETRY_SECONDS_MAX = 2.0
ABANDONED_SECONDS = 5.0
PENDING_EVENTS_MAX = 65_536
PENDING_BYTES_MAX = 64 * 1024 * 1024

type Dispatch = Callable[[str, bytes], None]
"""Takes an event's subject and payload."""

log = structlog.get_logger(__name__)


class _Doubt(Exception):
    """The consumer may not deliver what it should; the message says why."""


class Tail:
    """Follows the `subjects` of one stream. `run` goes on until cancelled.

    `dispatch(subject, payload)` must not wait; during it `place` is behind that event already.
    `on_gap` tells that events may have been missed; `place` is then where it goes on.
    """

    def __init__(
        self,
        nats: Client,
        stream: str,
        subjects: Sequence[str],
        dispatch: Dispatch,
        on_gap: Callable[[], None],
    ) -> None:
        self._nats = nats
        self._js = nats.jetstream()
        self._stream = stream
        self._subjects = list(subjects)
        self._dispatch = dispatch
        self._on_gap = on_gap
        self.place: Place | None = None
        """Behind the last event dispatched; None: the stream was never seen."""
        self.trouble: str | None = "the tail has not started"
        """Why it does not follow the stream at the moment; None: it does."""

    async def run(self) -> None:
        """Follow the stream until cancelled; trouble is waited out and told in `trouble`."""
        pause = TICK_SECONDS
        while True:
            try:
                await self._follow()
            except _Doubt as doubt:
                log.info("tail_renewed", stream=self._stream, why=str(doubt))
                pause = TICK_SECONDS
            except (NatsError, TimeoutError, OSError) as error:
                if self.trouble is None:
                    log.warning("tail_interrupted", stream=self._stream, error=repr(error))
                self.trouble = f"{type(error).__name__}: {error}"
                await asyncio.sleep(pause)
                pause = min(pause * 2, RETRY_SECONDS_MAX)

    async def _follow(self) -> None:
        """Serve one consumer until the first doubt."""
        reconnects = self._nats.stats["reconnects"]
        place = await self._find_place()
        consumer = _Consumer(self._nats, self._take)
        name = durable_name("gateway", f"tail-{new_id()}")
        inbox = self._nats.new_inbox()
        subscription = await self._nats.subscribe(
            inbox,
            cb=consumer.received,
            pending_msgs_limit=PENDING_EVENTS_MAX,
            pending_bytes_limit=PENDING_BYTES_MAX,
        )
        try:
            await self._js.add_consumer(self._stream, _config(self._subjects, place, name, inbox))
            self.trouble = None
            check_at = monotonic() + CHECK_SECONDS
            while self._nats.stats["reconnects"] == reconnects:
                await consumer.watch(TICK_SECONDS)
                if monotonic() >= check_at:
                    await self._check(name)
                    check_at = monotonic() + CHECK_SECONDS
            raise _Doubt("reconnected")
        finally:
            consumer.end()
            with suppress(NatsError):
                await subscription.unsubscribe()

    def _take(self, seq: int, message: Msg) -> bool:
        assert self.place is not None
        place = Place(self.place.created, seq)
        if place.life != self.place.life:
            return False
        self.place = place
        self._dispatch(message.subject, message.data)
        return True

    async def _find_place(self) -> Place:
        """Where to go on: behind the last event dispatched, or else at the stream's end."""
        info = await self._js.stream_info(self._stream)
        created, state = life_of(info), info.state
        known = self.place
        if known is not None and known.created == created:
            goes_on = state.first_seq - 1 <= known.seq <= state.last_seq
            if goes_on:
                return known
        self.place = Place(created, state.last_seq)
        self._on_gap()
        return self.place

    async def _check(self, name: str) -> None:
        """Raises NotFoundError when stream or consumer vanished, `_Doubt` when it is another."""
        created = life_of(await self._js.stream_info(self._stream))
        if self.place is None or created != self.place.created:
            raise _Doubt("another stream")
        await self._js.consumer_info(self._stream, name)


def _config(subjects: list[str], place: Place, name: str, inbox: str) -> ConsumerConfig:
    return ConsumerConfig(
        name=name,
        deliver_subject=inbox,
        filter_subjects=subjects,
        deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
        opt_start_seq=place.seq + 1,
        ack_policy=AckPolicy.NONE,
        max_deliver=1,
        flow_control=True,
        idle_heartbeat=HEARTBEAT_SECONDS,
        inactive_threshold=ABANDONED_SECONDS,
        num_replicas=1,
        mem_storage=True,
    )


class _Consumer:
    """What one consumer delivers, checked for gaps by the consumer's own count."""

    def __init__(self, nats: Client, take: Callable[[int, Msg], bool]) -> None:
        self._nats = nats
        self._take = take
        self._delivered = 0
        self._heard_at = monotonic()
        self._doubt: str | None = None
        self._doubted = asyncio.Event()

    async def watch(self, seconds: float) -> None:
        """Wait that long; raises `_Doubt` when the consumer is not to be trusted any more."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._doubted.wait()
        if self._doubt is not None:
            raise _Doubt(self._doubt)
        if monotonic() - self._heard_at > SILENCE_SECONDS_MAX:
            raise _Doubt("silence")

    def end(self) -> None:
        """Take nothing more."""
        self._doubt = self._doubt or "ended"

    async def received(self, message: Msg) -> None:
        """Take what the server sent: an event, a heartbeat, or a request for flow control."""
        self._heard_at = monotonic()
        if self._doubt is not None:
            return  # what comes after a gap comes again, from the next consumer
        seq, count = place_of(message.reply)
        if seq == 0:
            await self._control(message)
        elif count != self._delivered + 1:
            self._doubt_of("a gap")
        else:
            self._delivered = count
            if not self._take(seq, message):
                self._doubt_of("another filling")

    async def _control(self, message: Msg) -> None:
        headers = message.headers or {}
        stalled = message.reply or headers.get("Nats-Consumer-Stalled")
        if stalled:
            await self._nats.publish(stalled)
        last = headers.get("Nats-Last-Consumer")
        if last is not None and int(last) != self._delivered:
            self._doubt_of("a gap at the end")

    def _doubt_of(self, why: str) -> None:
        self._doubt = why
        self._doubted.set()
