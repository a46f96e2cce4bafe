"""What the replicas of chat tell each other on NATS. What is not heard, the sweeps find."""

from contextlib import suppress
from uuid import UUID

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from lingxi_chat.application.turn_workers import TurnWorkers
from lingxi_contracts.subjects import CHAT_STOP, CHAT_WORK


class Replicas:
    """All replicas, this one too."""

    def __init__(self, nats: Client) -> None:
        self._nats = nats

    async def nudge(self) -> None:
        """A turn waits for a slot."""
        with suppress(NatsError):
            await self._nats.publish(CHAT_WORK)

    async def tell_holder(self, turn_id: UUID) -> None:
        """Whoever works on this turn is to end it."""
        with suppress(NatsError):
            await self._nats.publish(CHAT_STOP, str(turn_id).encode())

    async def heard_by(self, workers: TurnWorkers) -> None:
        """Have these workers do what is told."""

        async def nudged(_: Msg) -> None:
            await workers.look()

        async def told_to_stop(told: Msg) -> None:
            with suppress(ValueError):
                workers.stop(UUID(told.data.decode()))

        await self._nats.subscribe(CHAT_WORK, cb=nudged)
        await self._nats.subscribe(CHAT_STOP, cb=told_to_stop)
