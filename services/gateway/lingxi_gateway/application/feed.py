"""One feed: what is to be told to one connection, in order, in a bounded buffer.

A reader that is slower than its events loses them and is told so (`reset`): it reads the sessions
again. Live signals give way earlier, and silently: the messages of the log say it all.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID

from lingxi_gateway.application.places import Cursor, Source

BUFFER_FRAMES_MAX = 1_000
BUFFER_BYTES_MAX = 4 * 1024 * 1024
LIVE_FRAMES_MAX = 500
"""Deltas and typing are dropped where so many frames wait already."""

type ResetReason = Literal["expired", "overflow", "rebuilt"]


@dataclass(frozen=True, slots=True)
class Frame:
    """One thing to tell: `data` is JSON; durable ones have a cursor."""

    event: str
    data: bytes
    cursor: str | None = None


type RenderReset = Callable[[ResetReason, Cursor], Frame]


@dataclass(frozen=True, slots=True)
class Listener:
    """Who listens: a user through one login, to all their sessions or to one."""

    user_id: UUID
    family_id: UUID
    token_epoch: int
    session_id: UUID | None = None
    live_only: bool = False
    """Nothing of the log: it is told by other means."""


@dataclass(eq=False, slots=True)
class Feed:
    """What is to be told. `start`: behind it begins what is put here.

    `floor`: where a client has been already, told by another replica that was ahead of this one.
    """

    listener: Listener
    start: Cursor
    render_reset: RenderReset
    floor: dict[Source, int] = field(default_factory=dict[Source, int])
    ended: bool = False
    _frames: deque[Frame] = field(default_factory=deque[Frame])
    _bytes: int = 0
    _woken: asyncio.Event = field(default_factory=asyncio.Event)

    def wants(self, session_id: str | None) -> bool:
        """Whether it is told of this session; None: of what belongs to none."""
        only = self.listener.session_id
        return only is None or str(only) == session_id

    def put(self, frame: Frame, source: Source, at: Cursor) -> None:
        """Tell an event of the log, that stands at this cursor."""
        floor = self.floor.get(source)
        if floor is not None and at.of(source).seq <= floor:
            return
        if self.floor:
            at = self.past_floor(at)
            frame = Frame(frame.event, frame.data, str(at))
        self._append(frame, at)

    def past_floor(self, at: Cursor) -> Cursor:
        """This cursor, or where the client has been already."""
        for source, seq in self.floor.items():
            at = at.at(source, max(seq, at.of(source).seq))
        return at

    def put_live(self, frame: Frame) -> None:
        """Tell a live signal, if there is room."""
        if len(self._frames) < LIVE_FRAMES_MAX and self._bytes < BUFFER_BYTES_MAX // 2:
            self._add(frame)

    def reset(self, reason: ResetReason, at: Cursor) -> None:
        """Tell that events were missed, and that it goes on from here. Where the client had been
        before says nothing any more."""
        self.floor.clear()
        self._append(self.render_reset(reason, at), at)

    def end(self) -> None:
        """Tell nothing more."""
        self.ended = True
        self._frames.clear()
        self._woken.set()

    def take(self, bytes_max: int) -> list[Frame]:
        """The next frames, at least one if there is one."""
        taken: list[Frame] = []
        size = 0
        while self._frames and (not taken or size + len(self._frames[0].data) <= bytes_max):
            frame = self._frames.popleft()
            size += len(frame.data)
            taken.append(frame)
        self._bytes -= size
        if not self._frames and not self.ended:
            self._woken.clear()
        return taken

    def wake(self) -> None:
        """Have whoever waits look."""
        self._woken.set()

    async def wait(self, seconds_max: float) -> bool:
        """Until there is something to take, or it ended; False: nothing within that time."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds_max):
                await self._woken.wait()
        return self._woken.is_set()

    def _append(self, frame: Frame, at: Cursor) -> None:
        size = self._bytes + len(frame.data)
        if len(self._frames) >= BUFFER_FRAMES_MAX or size > BUFFER_BYTES_MAX:
            self._frames.clear()
            self._bytes = 0
            frame = self.render_reset("overflow", at)
        self._add(frame)

    def _add(self, frame: Frame) -> None:
        if self.ended:
            return
        self._frames.append(frame)
        self._bytes += len(frame.data)
        self._woken.set()
