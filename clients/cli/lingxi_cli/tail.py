"""Follows one owner's stream from a moment on, through restarts of NATS and of the stream.

Each event is shown once and in order, but after the stream was emptied and filled again: then what
is in it is shown again. A stream that is missing is waited for.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.errors import NotFoundError

from lingxi_chassis.ids import new_id
from lingxi_cli.connection import Operator
from lingxi_cli.output import note
from lingxi_contracts.subjects import stream_name

FETCH_EVENTS = 200
FETCH_SECONDS = 2.0
RETRY_SECONDS = 0.5
ABANDONED_SECONDS = 30.0

type Show = Callable[[str, bytes], None]
"""Shows one event: owner and envelope."""
type Pull = JetStreamContext.PullSubscription


class Tail:
    """The events of one owner under a subject."""

    def __init__(self, operator: Operator, owner: str, subject: str, show: Show) -> None:
        self._operator = operator
        self._js = operator.js
        self._owner = owner
        self._stream = stream_name(owner)
        self._subject = subject
        self._show = show
        self._seq = 0
        self._created: datetime | None = None

    async def run(self, since: datetime | None, *, follow: bool) -> None:
        """Show events until cancelled; without `follow`, those that are there by now.

        Raises:
            Failure: the credentials do not permit it.
        """
        away = False
        while True:
            try:
                await self._read(since, follow=follow)
            except NotFoundError:
                if not follow:
                    return
            except (NatsError, TimeoutError, OSError):
                self._operator.check_permitted()
                if not away:
                    note(f"{self._stream} is away; waiting")
                away = True
            else:
                return
            await asyncio.sleep(RETRY_SECONDS)

    async def _read(self, since: datetime | None, *, follow: bool) -> None:
        """One consumer's life. Raises when it, or what it needs, is gone."""
        info = await self._js.stream_info(self._stream)
        if info.created != self._created:
            # Of a stream that came into being while we watched, everything is news.
            since, self._seq = (since, 0) if self._created is None else (info.created, 0)
            self._created = info.created
        last_seq = info.state.last_seq
        config = self._config(since)
        consumer = await self._js.add_consumer(self._stream, config)
        left = None if follow else (consumer.num_pending or 0)
        if left == 0:
            return
        pull = await self._js.pull_subscribe_bind(consumer.name, self._stream)
        # Should the connection break before the first event, it goes on from here.
        self._seq = self._seq or (last_seq if since is None else 0)
        try:
            await self._pull(pull, left)
        finally:
            with suppress(NatsError):
                await pull.unsubscribe()

    async def _pull(self, pull: Pull, left: int | None) -> None:
        """Show `left` events; None: without end."""
        while left is None or left > 0:
            try:
                messages = await pull.fetch(min(FETCH_EVENTS, left or FETCH_EVENTS), FETCH_SECONDS)
            except TimeoutError:
                await pull.consumer_info()  # nothing came; is it still there?
                continue
            for message in messages:
                self._show(self._owner, message.data)
                self._seq = message.metadata.sequence.stream
            if left is not None:
                left -= len(messages)

    def _config(self, since: datetime | None) -> ConsumerConfig:
        config = ConsumerConfig(
            name=f"operator-tail-{new_id()}",
            filter_subject=self._subject,
            ack_policy=AckPolicy.NONE,
            max_deliver=1,
            mem_storage=True,
            num_replicas=1,
            inactive_threshold=ABANDONED_SECONDS,
        )
        if self._seq:
            return config.evolve(
                deliver_policy=DeliverPolicy.BY_START_SEQUENCE, opt_start_seq=self._seq + 1
            )
        if since is not None:
            return config.evolve(deliver_policy=DeliverPolicy.BY_START_TIME, opt_start_time=since)
        return config.evolve(deliver_policy=DeliverPolicy.NEW)
