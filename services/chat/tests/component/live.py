"""Watching a session live, as a reader does: what comes on its subject, in order."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import orjson
from nats.aio.msg import Msg

from lingxi_contracts.live import LIVE_SIGNAL, Delta, Typing
from lingxi_contracts.subjects import live_subject, turns_ended
from services.chat.tests.component.harness import RunningChat


@dataclass
class Watched:
    """What a reader of one session was told so far."""

    signals: list[Delta | Typing] = field(default_factory=list[Delta | Typing])

    @property
    def deltas(self) -> list[Delta]:
        return [signal for signal in self.signals if isinstance(signal, Delta)]

    @property
    def typing(self) -> list[Typing]:
        return [signal for signal in self.signals if isinstance(signal, Typing)]

    def shown(self, turn_id: UUID) -> tuple[str, ...]:
        """A turn's bubbles, for a reader who obeys attempts and offsets."""
        attempt, bubbles = 0, list[str]()
        for delta in self.deltas:
            if delta.turn_id != turn_id or delta.attempt < attempt:
                continue
            if delta.attempt > attempt:
                attempt, bubbles = delta.attempt, []
            if delta.bubble == len(bubbles):
                bubbles.append("")
            assert delta.offset_chars == len(bubbles[delta.bubble]), "a gap, or a repeat"
            bubbles[delta.bubble] += delta.text
        return tuple(bubbles)


@asynccontextmanager
async def watching(chat: RunningChat, session_id: UUID) -> AsyncGenerator[Watched]:
    """Everything told of a session while the context is open."""
    watched = Watched()

    async def told(message: Msg) -> None:
        watched.signals.append(LIVE_SIGNAL.validate_json(message.data))

    subscription = await chat.nats.subscribe(live_subject(chat.user_id, session_id), cb=told)
    await chat.nats.flush()
    yield watched
    await subscription.unsubscribe()


@asynccontextmanager
async def hearing_ends(chat: RunningChat) -> AsyncGenerator[dict[str, list[dict[str, Any]]]]:
    """What is told of ends while the context is open, by the subject."""
    heard: dict[str, list[dict[str, Any]]] = {}

    async def told(message: Msg) -> None:
        assert message.subject not in heard
        heard[message.subject] = orjson.loads(message.data)

    subscription = await chat.nats.subscribe(turns_ended(), cb=told)
    await chat.nats.flush()
    yield heard
    await subscription.unsubscribe()
