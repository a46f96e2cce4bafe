"""Live signals on NATS, and the memory stream that remembers them for a few minutes.

Signals are published on core NATS; `CHAT_LIVE` captures them. It is lost with the server's memory,
so it is looked after: right after a reconnect, and every `CHECK_SECONDS`.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
import structlog
from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.js.api import DiscardPolicy, RetentionPolicy, StorageType, StreamConfig
from nats.js.errors import NotFoundError

from lingxi_chassis.clock import utc_now
from lingxi_contracts.base import Event
from lingxi_contracts.live import LIVE_SECONDS, Delta, Typing, turn_ended
from lingxi_contracts.subjects import CHAT_LIVE_STREAM, live_subject, turn_ended_subject

LIVE_BYTES_MAX = 64 * 1024 * 1024
CHECK_SECONDS = 10
LOOK_SECONDS = 1.0

log = structlog.get_logger(__name__)


class LiveSignals:
    """Tells those who watch a session, and keeps the stream. `replicas` of the stream."""

    def __init__(self, nats: Client, replicas: int = 1) -> None:
        self._nats = nats
        self._config = StreamConfig(
            name=CHAT_LIVE_STREAM,
            subjects=["chat.live.>"],
            retention=RetentionPolicy.LIMITS,
            storage=StorageType.MEMORY,
            discard=DiscardPolicy.OLD,
            max_age=LIVE_SECONDS,
            max_bytes=LIVE_BYTES_MAX,
            num_replicas=replicas,
        )

    async def tell(self, user_id: UUID, signal: Delta | Typing) -> None:
        """Publish; what NATS does not take now is forgotten."""
        subject = live_subject(user_id, signal.session_id)
        with suppress(NatsError):
            await self._nats.publish(subject, signal.model_dump_json().encode())

    async def ended(
        self, session_id: UUID, turn_id: UUID, events: Sequence[Event], at: datetime
    ) -> None:
        """Tell what was recorded of a turn's end, ahead of the stream; what is too large for one
        message is left to the stream."""
        with suppress(NatsError):
            await self._nats.publish(
                turn_ended_subject(session_id, turn_id), turn_ended(events, at)
            )

    async def user_types(self, user_id: UUID, session_id: UUID) -> bool:
        """Whether the session's newest signal says that the user is typing."""
        try:
            newest = await self._nats.jetstream().get_last_msg(
                CHAT_LIVE_STREAM, live_subject(user_id, session_id)
            )
        except (NatsError, TimeoutError):  # none, or the stream is away
            return False
        signal: dict[str, Any] = orjson.loads(newest.data or b"{}")
        if signal.get("type") != "typing" or signal.get("who") != "user":
            return False
        return datetime.fromisoformat(signal["until"]) > utc_now()

    async def keep_stream(self) -> None:
        """Have the stream as configured, until cancelled."""
        checked = -1
        while True:
            for _ in range(int(CHECK_SECONDS / LOOK_SECONDS)):
                reconnects = self._nats.stats["reconnects"]
                if reconnects != checked and self._nats.is_connected:
                    break
                await asyncio.sleep(LOOK_SECONDS)
            else:
                reconnects = self._nats.stats["reconnects"]
            try:
                await self._ensure()
                checked = reconnects
            except (NatsError, TimeoutError):
                log.warning("live_stream_not_seen")
                await asyncio.sleep(LOOK_SECONDS)

    async def _ensure(self) -> None:
        jetstream = self._nats.jetstream()
        try:
            info = await jetstream.stream_info(CHAT_LIVE_STREAM)
        except NotFoundError:
            await jetstream.add_stream(self._config)
            return
        now, wanted = info.config, self._config
        if (now.max_age, now.max_bytes, now.num_replicas) != (
            wanted.max_age,
            wanted.max_bytes,
            wanted.num_replicas,
        ):
            await jetstream.update_stream(self._config)
