"""A service's handlers of events, on FastStream.

Each has a durable pull consumer `<service>-<handler>`, shared by the service's replicas. It is made
here, with its full configuration: at start, after a reconnect, when a fetch fails, and looked for
every `CHECK_SECONDS`, because durables vanish with the store and a fetch on a vanished one fails
for ever. A stream that is missing is waited for.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Any, Self, cast

import structlog
from faststream.middlewares import AckPolicy
from faststream.nats import JStream, NatsBroker, NatsMessage, PullSub
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import ConsumerInfo
from nats.js.errors import NotFoundError
from prometheus_client import Gauge

from lingxi_chassis.clock import monotonic
from lingxi_chassis.consumers.dead_letters import count_dead_letters, ensure_dead_letters
from lingxi_chassis.consumers.durable import Durable, HandlerLimits, StreamMissing
from lingxi_chassis.consumers.handling import Handle, Handling
from lingxi_chassis.consumers.pull import HandledPull
from lingxi_chassis.consumers.replay import replay_event
from lingxi_chassis.health import Health
from lingxi_chassis.rpc import RpcClient
from lingxi_chassis.tasks import in_background
from lingxi_contracts.dead_letters import HandlerUnknown, Replayed, ReplayLetter
from lingxi_contracts.envelope import Envelope
from lingxi_contracts.errors import Unavailable
from lingxi_contracts.subjects import durable_name, stream_name

CHECK_SECONDS = 10.0
TICK_SECONDS = 0.5
"""Between looks, in memory alone, whether the consumer is in doubt."""
PULL_SECONDS = 2.0
"""Of one waiting fetch. A fetch that a restart of the server swallowed costs this much."""
GRACE_SECONDS = 5.0
"""At shutdown, for handlers under way; then they are cancelled and their events given back."""

PENDING = Gauge("lingxi_consumer_pending_events", "Not yet delivered", ["consumer"])
UNDER_WAY = Gauge(
    "lingxi_consumer_unacknowledged_events", "Delivered, worked on or put off", ["consumer"]
)
LETTERS = Gauge("lingxi_dead_letters", "Events that a handler of any service could not take")

log = structlog.get_logger(__name__)


class _Broker(NatsBroker):
    """FastStream on the process's own connection.

    The one it would make stops reconnecting, silently, after some errors of the server.
    """

    def __init__(self, nats: Client) -> None:
        super().__init__(graceful_timeout=GRACE_SECONDS, apply_types=False, logger=None)
        self._nats = nats

    async def _connect(self) -> Client:
        self.config.connect(self._nats)
        return self._nats


async def _undecoded(message: NatsMessage) -> NatsMessage:
    return message


class _Subscription:
    """One handler: its durable, kept alive, and FastStream's subscriber on it."""

    def __init__(
        self,
        broker: NatsBroker,
        js: JetStreamContext,
        nats: Client,
        durable: Durable,
        handle: Handle,
        *,
        replicas: int,
    ) -> None:
        self.durable = durable
        self.handle = handle
        self.handling = Handling(js, durable, handle, replicas)
        self._js = js
        self._nats = nats
        self._pull: HandledPull | None = None
        self._in_doubt = True
        batch = durable.limits.batch_events
        self._subscriber = broker.subscriber(
            stream=JStream(durable.stream, declare=False),
            durable=durable.name,
            config=durable.config,
            # One by one, else what is fetched ahead of the workers stays with them at a slow time.
            pull_sub=PullSub(batch_size=batch, timeout=PULL_SECONDS, batch=batch > 1),
            max_workers=1 if batch > 1 else durable.limits.workers,
            ack_policy=AckPolicy.MANUAL,
            decoder=_undecoded,
            no_reply=True,
            inbox_prefix=nats.new_inbox().rpartition(".")[0].encode() + b".",
        )
        self._subscriber(self._received)

    async def _received(self, message: NatsMessage) -> None:
        raw = cast("Msg | list[Msg]", message.raw_message)
        if isinstance(raw, list):
            await self.handling.take_all(raw)
        else:
            await self.handling.take(raw)

    async def keep(self) -> None:
        """Keep the durable as configured and the subscriber on it; until cancelled."""
        reconnects = -1
        check_at = 0.0
        while True:
            now = self._nats.stats["reconnects"]
            if self._in_doubt or now != reconnects or monotonic() >= check_at:
                sure = not self._in_doubt and now == reconnects
                self._in_doubt = False
                if self._nats.is_connected and await self._checked(sure):
                    reconnects, check_at = now, monotonic() + CHECK_SECONDS
                else:
                    self._in_doubt = True
            await asyncio.sleep(TICK_SECONDS)

    async def _checked(self, sure: bool) -> bool:
        try:
            info = await self.durable.info(self._js) if sure else None
            info = info or await self.durable.ensure(self._js)
            self._measure(info)
            if self._pull is None:
                await self._start()
        except StreamMissing:
            return False
        except (NatsError, TimeoutError, OSError) as error:
            log.warning("consumer_in_doubt", consumer=self.durable.name, error=repr(error))
            return False
        return True

    async def _start(self) -> None:
        try:
            await self._subscriber.start()
        except BaseException:
            await self._subscriber.stop()
            raise
        # Before FastStream's loop has turned: nothing was fetched yet.
        pull = cast("JetStreamContext.PullSubscription", self._subscriber.subscription)
        self._pull = HandledPull(pull, self.handling, self.durable.limits.batch_events, self._doubt)
        cast("Any", self._subscriber).subscription = self._pull
        log.info("consuming", consumer=self.durable.name)

    def _doubt(self) -> None:
        self._in_doubt = True

    async def stop(self) -> None:
        """Let handlers under way end, give back the rest."""
        self.handling.close()
        if self._pull is not None:
            self._pull.close()
            await self._subscriber.stop()

    async def trouble(self) -> str | None:
        """Why events do not come; None: they do, or the owner's stream is waited for."""
        try:
            info = await self.durable.info(self._js)
        except StreamMissing:
            return None
        if info is None:
            return f"{self.durable.name} does not exist"
        self._measure(info)
        return None if self._pull else f"{self.durable.name} has not started"

    def _measure(self, info: ConsumerInfo) -> None:
        PENDING.labels(self.durable.name).set(info.num_pending or 0)
        UNDER_WAY.labels(self.durable.name).set(info.num_ack_pending or 0)


class Subscriptions:
    """All handlers of one service; they run while it is open (`async with`).

    `on_death` ends the process: a handler whose consumer nobody keeps would be deaf. `replicas`:
    how many servers hold the dead letters.
    """

    def __init__(
        self, service: str, nats: Client, on_death: Callable[[], None], replicas: int = 1
    ) -> None:
        self._service = service
        self._nats = nats
        self._js = nats.jetstream()
        self._rpc = RpcClient(nats)
        self._on_death = on_death
        self._replicas = replicas
        self._broker = _Broker(nats)
        self._subscriptions: list[_Subscription] = []
        self._off: list[tuple[str, str]] = []
        self._stack = AsyncExitStack()

    def on(
        self,
        owner: str,
        event_names: Sequence[str],
        handler_name: str,
        handle: Handle,
        limits: HandlerLimits | None = None,
    ) -> None:
        """Have `handle` called with every event of these names (`agent_deleted`, any version).

        Before the context is entered. Events come at least once, in any order, several at a time.
        The handler's name makes the durable's: a rename is a replay.
        """
        durable = Durable(
            self._service, owner, event_names, handler_name, limits or HandlerLimits()
        )
        self._subscriptions.append(
            _Subscription(
                self._broker, self._js, self._nats, durable, handle, replicas=self._replicas
            )
        )

    def off(self, owner: str, handler_name: str) -> None:
        """A handler that there may have been before is none now: what it left on the stream goes,
        where events would wait for ever.

        Before the context is entered. A handler of that name that comes again hears all once more.
        """
        self._off.append((stream_name(owner), durable_name(self._service, handler_name)))

    @property
    def events_heard(self) -> Mapping[str, frozenset[str]]:
        """The names of the events that handlers hear, by owner."""
        heard: dict[str, frozenset[str]] = {}
        for one in self._subscriptions:
            durable = one.durable
            heard[durable.owner] = heard.get(durable.owner, frozenset()) | durable.events
        return heard

    async def hear(self, owner: str, events: Sequence[Envelope]) -> None:
        """Hand an owner's events to their handlers, as if they were delivered.

        What a handler refuses or does not bear is passed over. Raises Unavailable: a part is away,
        and all of it is to be handed over again.
        """
        heard = await asyncio.gather(
            *(
                one.handling.hear_all(
                    [event for event in events if event.name in one.durable.events]
                )
                for one in self._subscriptions
                if one.durable.owner == owner
            )
        )
        if not all(heard):
            raise Unavailable

    async def replay(self, request: ReplayLetter) -> Replayed:
        """Handle the event of a dead letter again; for `RpcServer.serve`.

        Raises:
            HandlerUnknown, EventGone, HandlerFailed, Unavailable.
        """
        for subscription in self._subscriptions:
            if subscription.durable.handler == request.handler:
                return await replay_event(
                    self._js, self._rpc, subscription.durable, subscription.handle, request
                )
        raise HandlerUnknown

    def report_to(self, health: Health) -> None:
        """The service is ready if its handlers hear, and tells how far they are."""
        health.add("consumers", self.trouble)
        health.readings.add("dead letters", self._measure_letters)

    async def trouble(self) -> str | None:
        """Why a handler hears nothing."""
        reasons = [await subscription.trouble() for subscription in self._subscriptions]
        return "; ".join(reason for reason in reasons if reason) or None

    async def _measure_letters(self) -> None:
        LETTERS.set(await count_dead_letters(self._js))

    async def __aenter__(self) -> Self:
        await self._broker.connect()
        await self._ensure_dead_letters()
        await self._take_off()
        self._stack.push_async_callback(self._stop)
        for subscription in self._subscriptions:
            name = subscription.durable.name
            for work in (subscription.keep(), subscription.handling.keep_in_hand()):
                background = in_background(work, name, self._on_death)
                await self._stack.enter_async_context(background)
        return self

    async def _ensure_dead_letters(self) -> None:
        try:
            await ensure_dead_letters(self._js, self._replicas)
        except (NatsError, TimeoutError) as error:
            # Made at the first letter, then.
            log.warning("dead_letters_away", error=str(error) or repr(error))

    async def _take_off(self) -> None:
        for stream, name in self._off:
            try:
                await self._js.delete_consumer(stream, name)
            except NotFoundError:
                continue  # the usual case
            except (NatsError, TimeoutError) as error:
                log.warning("consumer_not_taken_off", consumer=name, error=repr(error))
            else:
                log.info("consumer_taken_off", consumer=name)

    async def _stop(self) -> None:
        await asyncio.gather(*(subscription.stop() for subscription in self._subscriptions))

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stack.aclose()
