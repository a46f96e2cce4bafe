"""Telling a turn's reply while it is being said: frames, and that the agent is writing.

`attempt` of a frame grows with each claim of the turn and, within a claim, with each try of the
model that follows words already told: `(claim.number - 1) * TRIES_TOLD_MAX + try`, from 1. So a
reader who obeys "a higher attempt replaces, a lower one is passed over" never mixes two, even while
a worker that lost its claim goes on talking. `TurnCompleted.attempt` counts otherwise.
"""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import timedelta
from types import TracebackType
from typing import Any, Self

from lingxi_chassis.clock import monotonic, utc_now
from lingxi_chassis.model.tokens import estimate_tokens
from lingxi_chat.application.parts import Live
from lingxi_chat.domain.splitter import Piece, Splitter, joined
from lingxi_chat.projections.open_turns import Claim
from lingxi_contracts.live import (
    DELTA_MS_MAX,
    DELTA_TOKENS_MAX,
    TYPING_SECONDS,
    Delta,
    Typing,
)

TRIES_TOLD_MAX = 10
"""More than the tries of the model in one claim."""
TYPING_AFTER_SECONDS = 0.1
"""A reply that is there sooner needs nobody to be told that it is coming."""
TYPING_AGAIN_SECONDS = TYPING_SECONDS / 2

type Tell = Callable[[], Coroutine[Any, Any, None]]


class Telling:
    """One claim's reply, told to those who watch. Text is collected for `DELTA_MS_MAX`, or until
    `DELTA_TOKENS_MAX` came. As a context: while it is open the agent is writing, and if that takes
    longer than `TYPING_AFTER_SECONDS` it is told."""

    def __init__(self, live: Live, claim: Claim) -> None:
        self._live = live
        self._claim = claim
        self._attempt = (claim.number - 1) * TRIES_TOLD_MAX + 1
        self._splitter = Splitter()
        self._collected: list[Piece] = []
        self._tokens = 0
        self._frame_timer: asyncio.TimerHandle | None = None
        self._typing_timer: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.told_at = 0.0
        """When the first words were told, on the clock of durations; 0: none were yet."""

    @property
    def shown(self) -> tuple[str, ...]:
        """What readers have seen of each bubble once all is told."""
        return self._splitter.shown

    async def __aenter__(self) -> Self:
        self._typing_timer = self._later(TYPING_AFTER_SECONDS, self._tell_typing)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for timer in (self._frame_timer, self._typing_timer):
            if timer is not None:
                timer.cancel()
        for task in self._tasks:
            task.cancel()

    async def add(self, text: str) -> None:
        """The model went on."""
        pieces = self._splitter.feed(text)
        if not pieces:
            return
        self._collected += pieces
        self._tokens += sum(max(1, estimate_tokens(piece.text)) for piece in pieces)
        if self._tokens >= DELTA_TOKENS_MAX:
            await self.tell()
        elif self._frame_timer is None:
            self._frame_timer = self._later(DELTA_MS_MAX / 1000, self.tell)

    def anew(self) -> None:
        """The model begins anew; what was told is replaced."""
        if self._splitter.shown:
            self._attempt += 1
        self._splitter = Splitter()
        self._collected.clear()

    async def finish(self) -> None:
        """The model has said all."""
        self._collected += self._splitter.finish()
        await self.tell()

    async def tell(self) -> None:
        """Tell at once what is collected."""
        if self._frame_timer is not None:
            self._frame_timer.cancel()
            self._frame_timer = None
        pieces, self._collected, self._tokens = joined(self._collected), [], 0
        for piece in pieces:
            delta = Delta.model_construct(
                session_id=self._claim.session_id,
                turn_id=self._claim.turn_id,
                attempt=self._attempt,
                bubble=piece.bubble,
                offset_chars=piece.offset_chars,
                text=piece.text,
            )
            await self._live.tell(self._claim.user_id, delta)
            self.told_at = self.told_at or monotonic()

    async def _tell_typing(self) -> None:
        self._typing_timer = self._later(TYPING_AGAIN_SECONDS, self._tell_typing)
        until = utc_now() + timedelta(seconds=TYPING_SECONDS)
        typing = Typing(session_id=self._claim.session_id, who="agent", until=until)
        await self._live.tell(self._claim.user_id, typing)

    def _later(
        self, seconds: float, tell: Callable[[], Coroutine[Any, Any, None]]
    ) -> asyncio.TimerHandle:
        def begin() -> None:
            task = asyncio.create_task(tell())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

        return asyncio.get_running_loop().call_later(seconds, begin)
