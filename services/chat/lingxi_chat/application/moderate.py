"""Have a moderation model look at what waits for an answer, beside the turn.

It costs the turn no time but `LATE_SECONDS_MAX` at its end, and can't stop it: a provider that is
away or late finds nothing, and the rules on the post have been held against the message before.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Protocol

import structlog

from lingxi_chassis.model.errors import ModelFailure
from lingxi_chat.domain.prompt import Said
from lingxi_chat.domain.safety import Rules
from lingxi_contracts.chat import Critical

DEADLINE_SECONDS = 20.0
LATE_SECONDS_MAX = 2.0
"""Waited for when the reply is there already."""
LOOKED_AT_MAX = 16
"""Messages of one turn, the newest."""

log = structlog.get_logger(__name__)


class Moderator(Protocol):
    """A moderation model."""

    async def look_at(
        self, texts: Sequence[str], deadline_seconds: float
    ) -> Sequence[frozenset[str]]:
        """The categories that each text was flagged for. Raises ModelFailure."""
        ...


type Found = Mapping[int, Critical]
"""What is to be shown with a message, by its seq."""


class Moderation:
    """What is being found in some messages."""

    def __init__(self, looking: asyncio.Task[Found] | None) -> None:
        self._looking = looking

    async def found(self) -> Found:
        """All of it, or nothing if it is not there in a moment."""
        if self._looking is None:
            return {}
        with suppress(TimeoutError):
            async with asyncio.timeout(LATE_SECONDS_MAX):
                return await asyncio.shield(self._looking)
        log.warning("moderation_late")
        return {}


class Moderate:
    """Without a `moderator` nothing is looked at."""

    def __init__(self, rules: Rules, moderator: Moderator | None) -> None:
        self._rules = rules
        self._moderator = moderator

    @asynccontextmanager
    async def looking_at(self, waiting: Sequence[Said]) -> AsyncGenerator[Moderation]:
        """Look at these messages of the user's while the context is open."""
        if self._moderator is None or not waiting:
            yield Moderation(None)
            return
        newest = waiting[-LOOKED_AT_MAX:]
        looking = asyncio.create_task(self._look(self._moderator, newest))
        try:
            yield Moderation(looking)
        finally:
            looking.cancel()

    async def _look(self, moderator: Moderator, waiting: Sequence[Said]) -> Found:
        try:
            flagged = await moderator.look_at([one.text for one in waiting], DEADLINE_SECONDS)
        except ModelFailure as failure:
            log.warning("moderation_failed", code=failure.code)
            return {}
        shown = (
            (said.seq, self._rules.moderated(said.text, categories))
            for said, categories in zip(waiting, flagged, strict=True)
        )
        return {seq: critical for seq, critical in shown if critical is not None}
