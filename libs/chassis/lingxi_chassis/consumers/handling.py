"""What becomes of one delivered event.

Handled, or refused by the domain: acknowledged. A part that is away: again after
min(0.25·2ⁿ, 60) s, without end. Unreadable, or `Permanent`: a dead letter at once. An unexpected
exception: again, and a dead letter at the 8th delivery. Anything at its 20th delivery: a dead
letter before it is handled, for then it is what kills the process.

So that a long outage is not taken for that, an event put off `NACKS_MAX` times is no longer given
back: it is kept in hand, which costs no delivery, and tried again from here. Restarts alone count.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import Enum

import structlog
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from prometheus_client import Counter, Histogram
from pydantic import ValidationError

from lingxi_chassis import context, postgres, tracing
from lingxi_chassis.consumers.dead_letters import ensure_dead_letters, put_dead_letter
from lingxi_chassis.consumers.durable import Durable
from lingxi_chassis.tracing import Kind
from lingxi_contracts.envelope import Envelope
from lingxi_contracts.errors import Refusal, Unavailable

UNEXPECTED_DELIVERIES_MAX = 8
DELIVERIES_MAX = 20
NACKS_MAX = 10
FIRST_DELAY_SECONDS = 0.25
DELAY_SECONDS_MAX = 60.0
HEARTBEATS_PER_ACK_WAIT = 3

AWAY = (Unavailable, *postgres.AWAY, TimeoutError, NatsError, OSError)

type Handle = Callable[[Envelope], Awaitable[None]]
"""Takes one event and returns once its effect is committed. Idempotent and commutative."""


class Together:
    """A handler of a whole batch, for one that hears much: what its effects cost is shared.

    `handle_all` returns once the effects of all are committed. If it raises, each of them is
    handled alone, and judged by that.
    """

    def __init__(self, handle_all: Callable[[Sequence[Envelope]], Awaitable[None]]) -> None:
        self.handle_all = handle_all

    async def __call__(self, event: Envelope) -> None:
        """Handle one alone."""
        await self.handle_all((event,))


class Permanent(Exception):
    """What a handler raises when another delivery would end no better: a dead letter at once.

    Its text is in the letter, so it is our own words.
    """


HANDLED = Counter(
    "lingxi_consumer_events", "Deliveries by what became of them", ["consumer", "outcome"]
)
SECONDS = Histogram(
    "lingxi_consumer_seconds",
    "Of one handler with one event",
    ["consumer"],
    buckets=(0.001, 0.005, 0.02, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60),
)

log = structlog.get_logger(__name__)


class _Verdict(Enum):
    DONE = "done"
    REFUSED = "refused"
    SKIPPED = "skipped"
    AWAY = "away"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class _Dead:
    """Nothing more can be done here; `error` is a class name or our own words."""

    error: str


class Handling:
    """Takes the deliveries of one durable. What is in hand is kept from coming again."""

    def __init__(
        self, js: JetStreamContext, durable: Durable, handle: Handle, replicas: int = 1
    ) -> None:
        self._js = js
        self._replicas = replicas
        self._durable = durable
        self._handle = handle
        self._in_hand: dict[str, Msg] = {}
        self._parked: set[asyncio.Task[None]] = set()
        self._slots = asyncio.Semaphore(durable.limits.workers)
        self._closing = False
        self._seconds = SECONDS.labels(durable.name)
        outcomes = ("dead", *(verdict.value for verdict in _Verdict))
        self._outcomes = {one: HANDLED.labels(durable.name, one) for one in outcomes}

    def accept(self, message: Msg) -> None:
        """It was delivered to us; from here on it is in hand until answered."""
        self._in_hand[message.reply] = message

    async def keep_in_hand(self) -> None:
        """Tell the server that what is in hand is being worked on; until cancelled."""
        while True:
            await asyncio.sleep(self._durable.limits.ack_wait_seconds / HEARTBEATS_PER_ACK_WAIT)
            for message in list(self._in_hand.values()):
                try:
                    await message.in_progress()
                except (NatsError, OSError):
                    break  # not connected: it will come again

    def close(self) -> None:
        """Begin nothing more."""
        self._closing = True
        for task in self._parked:
            task.cancel()

    async def give_back(self) -> None:
        """Everything still in hand comes again at once, to whoever asks."""
        for message in list(self._in_hand.values()):
            await self._nack(message, None)

    async def take(self, message: Msg) -> None:
        """Handle one delivery and answer it."""
        if self._closing or message.reply not in self._in_hand:
            return
        async with self._slots:
            event, verdict = await self._judge(message)
            if message.reply not in self._in_hand:
                return  # given back in the meantime
            if isinstance(verdict, _Dead):
                verdict = await self._bury(message, event, verdict)
        outcome = "dead" if isinstance(verdict, _Dead) else verdict.value
        self._outcomes[outcome].inc()
        if verdict in (_Verdict.AWAY, _Verdict.FAILED):
            await self._again(message, verdict)
        elif not isinstance(verdict, _Dead):
            await self._answer(message, message.ack)

    async def hear_all(self, events: Sequence[Envelope]) -> bool:
        """Handle events that were read from a log, together where the handler can, and pass over
        what it does not bear. False: a part is away, so all of them once more later."""
        if isinstance(self._handle, Together):
            try:
                await self._handle.handle_all(events)
            except AWAY:
                return False
            except Exception:
                log.exception("batch_apart", consumer=self._durable.name)
            else:
                return True
        return all([await self._hear(event) for event in events])

    async def _hear(self, event: Envelope) -> bool:
        context.begin(event.correlationid, str(event.id))
        verdict = await self._attempt(event, 1)
        if isinstance(verdict, _Dead):
            told = {"consumer": self._durable.name, "event_id": str(event.id)}
            log.error("event_passed_over", **told, error=verdict.error)
        return verdict is not _Verdict.AWAY

    async def take_all(self, messages: Sequence[Msg]) -> None:
        """Handle the deliveries of a batch, together where the handler can."""
        if isinstance(self._handle, Together):
            messages = await self._take_together(self._handle, messages)
        await asyncio.gather(*map(self.take, messages))

    async def _take_together(self, handler: Together, messages: Sequence[Msg]) -> Sequence[Msg]:
        """Those that are left to be taken each alone: that are no plain events, or all."""
        events = {message.reply: event for message in messages if (event := self._plain(message))}
        if self._closing or len(events) <= 1:
            return messages
        try:
            async with self._slots:
                with self._seconds.time():
                    async with asyncio.timeout(self._durable.limits.handle_seconds_max):
                        await handler.handle_all(list(events.values()))
        except (Refusal, *AWAY) as error:
            log.warning("batch_apart", consumer=self._durable.name, error=type(error).__name__)
            return messages
        except Exception:
            log.exception("batch_apart", consumer=self._durable.name)
            return messages
        for message in messages:
            if message.reply in events and message.reply in self._in_hand:
                self._outcomes[_Verdict.DONE.value].inc()
                await self._answer(message, message.ack)
        return [message for message in messages if message.reply not in events]

    def _plain(self, message: Msg) -> Envelope | None:
        """The event, if there is nothing else to be said of it than what becomes of it."""
        try:
            event = Envelope.model_validate_json(message.data)
        except ValidationError:
            return None
        dying = message.metadata.num_delivered >= DELIVERIES_MAX
        heard = event.data is not None and event.name in self._durable.events
        return event if heard and not dying else None

    async def _judge(self, message: Msg) -> tuple[Envelope | None, _Verdict | _Dead]:
        try:
            event = Envelope.model_validate_json(message.data)
        except ValidationError:
            return None, _Dead("Unreadable")
        context.begin(event.correlationid, str(event.id))
        caused_by = (message.headers or {}).get(tracing.HEADER)
        with tracing.joined(caused_by), tracing.span(self._durable.name, Kind.HEARS) as span:
            verdict = await self._verdict(message, event)
            span.tell("lingxi.outcome", "dead" if isinstance(verdict, _Dead) else verdict.value)
        return event, verdict

    async def _verdict(self, message: Msg, event: Envelope) -> _Verdict | _Dead:
        if message.metadata.num_delivered >= DELIVERIES_MAX:
            return _Dead("TooManyDeliveries")
        if event.data is None or event.name not in self._durable.events:
            return _Verdict.SKIPPED
        return await self._attempt(event, message.metadata.num_delivered)

    async def _attempt(self, event: Envelope, deliveries: int) -> _Verdict | _Dead:
        told = {"consumer": self._durable.name, "event_id": str(event.id)}
        try:
            with self._seconds.time():
                async with asyncio.timeout(self._durable.limits.handle_seconds_max):
                    await self._handle(event)
        except AWAY as error:
            log.warning("event_put_off", **told, error=type(error).__name__, deliveries=deliveries)
            return _Verdict.AWAY
        except Refusal as refusal:
            log.info("event_refused", **told, code=refusal.code)
            return _Verdict.REFUSED
        except ValidationError as error:
            return _Dead(type(error).__name__)
        except Permanent as error:
            return _Dead(str(error))
        except Exception as error:
            log.exception("event_failed", **told, deliveries=deliveries)
            if deliveries >= UNEXPECTED_DELIVERIES_MAX:
                return _Dead(type(error).__name__)
            return _Verdict.FAILED
        return _Verdict.DONE

    async def _bury(self, message: Msg, event: Envelope | None, dead: _Dead) -> _Verdict | _Dead:
        try:
            await put_dead_letter(self._js, self._durable, message, event, dead.error)
        except (NatsError, TimeoutError, OSError) as error:
            log.warning("dead_letter_not_stored", consumer=self._durable.name, error=repr(error))
            await self._try_ensure_dead_letters()
            return _Verdict.AWAY
        log.error(
            "event_dead",
            consumer=self._durable.name,
            event_id=str(event.id) if event else None,
            stream_seq=message.metadata.sequence.stream,
            error=dead.error,
        )
        await self._answer(message, message.term)
        return dead

    async def _try_ensure_dead_letters(self) -> None:
        try:
            await ensure_dead_letters(self._js, self._replicas)
        except (NatsError, TimeoutError, OSError):
            log.warning("dead_letters_away")

    async def _again(self, message: Msg, verdict: _Verdict) -> None:
        deliveries = message.metadata.num_delivered
        delay = min(FIRST_DELAY_SECONDS * 2 ** (deliveries - 1), DELAY_SECONDS_MAX)
        delay *= random.uniform(0.5, 1.0)
        if verdict is _Verdict.AWAY and deliveries >= NACKS_MAX:
            parked = asyncio.create_task(self._resume(message, delay))
            self._parked.add(parked)
            parked.add_done_callback(self._parked.discard)
        else:
            await self._nack(message, delay)

    async def _resume(self, message: Msg, delay_seconds: float) -> None:
        await asyncio.sleep(delay_seconds)
        await self.take(message)

    async def _nack(self, message: Msg, delay_seconds: float | None) -> None:
        await self._answer(message, lambda: message.nak(delay=delay_seconds))

    async def _answer(self, message: Msg, answer: Callable[[], Awaitable[None]]) -> None:
        self._in_hand.pop(message.reply, None)
        try:
            await answer()
        except (NatsError, OSError) as error:
            # Nothing is lost: it comes again, and the handler is idempotent.
            log.warning("answer_not_sent", consumer=self._durable.name, error=repr(error))
