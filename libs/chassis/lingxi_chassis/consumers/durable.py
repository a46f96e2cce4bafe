"""The durable consumer of one handler: how it is configured, and that it exists.

Durables vanish with the stream's store, and no library here updates one that exists. So we make
ours, with the full configuration, whenever in doubt.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, ConsumerInfo, DeliverPolicy, ReplayPolicy
from nats.js.errors import NotFoundError

from lingxi_contracts.subjects import durable_name, event_filter, stream_name

STREAM_NOT_FOUND = 10059
"""JetStream's error code."""


@dataclass(frozen=True, slots=True)
class HandlerLimits:
    """How much of a stream one handler works on.

    `ack_wait_seconds`: an event whose process died comes again after this long. `ack_pending_max`:
    events under way on all replicas together, those put off too. `workers`: on one replica.
    `batch_events`: fetched together, and no more before all of them are done: cheaper for a handler
    that hears much and may hear it late.
    """

    workers: int = 8
    batch_events: int = 1
    handle_seconds_max: float = 60.0
    ack_wait_seconds: float = 30.0
    ack_pending_max: int = 256


class StreamMissing(Exception):
    """The owner has not made its stream yet, or it was lost: to be waited for."""


class Durable:
    """One handler's consumer on the owner's stream."""

    def __init__(
        self, service: str, owner: str, events: Sequence[str], handler: str, limits: HandlerLimits
    ) -> None:
        self.service = service
        self.owner = owner
        self.events = frozenset(events)
        self.handler = handler
        self.limits = limits
        self.stream = stream_name(owner)
        self.name = durable_name(service, handler)

    @property
    def config(self) -> ConsumerConfig:
        """All of the configuration; what is left out would be kept from an older version."""
        return ConsumerConfig(
            name=self.name,
            durable_name=self.name,
            deliver_policy=DeliverPolicy.ALL,
            replay_policy=ReplayPolicy.INSTANT,
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=self.limits.ack_wait_seconds,
            max_ack_pending=self.limits.ack_pending_max,
            max_deliver=-1,
            filter_subjects=[event_filter(self.owner, name) for name in sorted(self.events)],
        )

    async def ensure(self, js: JetStreamContext) -> ConsumerInfo:
        """Make it, or bring it to its configuration.

        Raises:
            StreamMissing: there is nothing to consume from yet.
            nats.errors.Error: JetStream is away or refuses.
        """
        try:
            return await js.add_consumer(self.stream, self.config)
        except NotFoundError as error:
            raise StreamMissing(self.stream) from error

    async def info(self, js: JetStreamContext) -> ConsumerInfo | None:
        """Where it stands; None: it vanished. Raises as `ensure`."""
        try:
            return await js.consumer_info(self.stream, self.name)
        except NotFoundError as error:
            if error.err_code == STREAM_NOT_FOUND:
                raise StreamMissing(self.stream) from error
            return None
