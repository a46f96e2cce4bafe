"""Read marks that this gateway owes chat: answers that were written out to the user.

A mark settles for `READ_SETTLE_SECONDS`: whoever talks on posts within that time, and a post marks
all earlier messages of the agent as read anyway, so most marks are never sent. Invariants:

1. A mark that was noted is sent, dropped because a post did its work, or given up with a log line.
2. What a user reads through this gateway shows their marks: `flush` before the answer.
3. At most `MARKS_MAX` marks settle; a caller beyond that sends its own at once.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from uuid import UUID

import structlog

from lingxi_contracts.base import Nothing
from lingxi_contracts.chat import ReadMessages
from lingxi_contracts.errors import Refusal, Unavailable

READ_SETTLE_SECONDS = 0.25
MARKS_MAX = 10_000
RETRY_SECONDS = (1.0, 2.0)
"""Pauses before the second and the third try; there is no fourth."""
FINISH_SECONDS_MAX = 2.0

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _User:
    """A user's marks: those that settle, by session, and those on their way."""

    settling: dict[UUID, tuple[UUID, asyncio.TimerHandle]] = field(
        default_factory=dict[UUID, tuple[UUID, asyncio.TimerHandle]]
    )
    sending: set[asyncio.Task[None]] = field(default_factory=set[asyncio.Task[None]])


class ReadMarks:
    """The marks of all users of this gateway. `send` tells chat."""

    def __init__(
        self,
        send: Callable[[ReadMessages], Awaitable[Nothing]],
        settle_seconds: float = READ_SETTLE_SECONDS,
        marks_max: int = MARKS_MAX,
    ) -> None:
        self._send = send
        self._settle_seconds = settle_seconds
        self._marks_max = marks_max
        self._users: dict[UUID, _User] = {}
        self.settling = 0

    @property
    def users(self) -> int:
        """How many users have marks that settle or are on their way."""
        return len(self._users)

    async def note(self, user_id: UUID, session_id: UUID, up_to: UUID) -> None:
        """The user was shown the agent's messages up to this one (a UUIDv7: newer is greater)."""
        settling = self.drop(user_id, session_id)
        up_to = max(up_to, settling) if settling else up_to
        if self.settling >= self._marks_max:
            await self._tell(ReadMessages(user_id=user_id, session_id=session_id, up_to=up_to))
            return
        user = self._users.setdefault(user_id, _User())
        timer = asyncio.get_running_loop().call_later(
            self._settle_seconds, self._start, user_id, session_id
        )
        user.settling[session_id] = (up_to, timer)
        self.settling += 1

    def drop(self, user_id: UUID, session_id: UUID) -> UUID | None:
        """Take back the mark of a session because a post does its work; what it was."""
        user = self._users.get(user_id)
        if user is None or session_id not in user.settling:
            return None
        up_to, timer = user.settling.pop(session_id)
        timer.cancel()
        self.settling -= 1
        self._forget_if_idle(user_id, user)
        return up_to

    async def flush(self, user_id: UUID) -> None:
        """Send the user's marks now and wait until chat has them."""
        user = self._users.get(user_id)
        if user is None:
            return
        for session_id in list(user.settling):
            self._start(user_id, session_id)
        if user.sending:
            await asyncio.wait(user.sending)

    async def finish(self) -> None:
        """Flush all, at shutdown; what takes longer than `FINISH_SECONDS_MAX` is given up."""
        with suppress(TimeoutError):
            async with asyncio.timeout(FINISH_SECONDS_MAX):
                await asyncio.gather(*(self.flush(user_id) for user_id in list(self._users)))

    def _start(self, user_id: UUID, session_id: UUID) -> None:
        user = self._users[user_id]
        up_to, timer = user.settling.pop(session_id)
        timer.cancel()
        self.settling -= 1
        mark = ReadMessages(user_id=user_id, session_id=session_id, up_to=up_to)
        sending = asyncio.create_task(self._tell(mark))
        user.sending.add(sending)

        def sent(task: asyncio.Task[None]) -> None:
            user.sending.discard(task)
            self._forget_if_idle(user_id, user)

        sending.add_done_callback(sent)

    def _forget_if_idle(self, user_id: UUID, user: _User) -> None:
        if not user.settling and not user.sending and self._users.get(user_id) is user:
            del self._users[user_id]

    async def _tell(self, mark: ReadMessages) -> None:
        for pause in (*RETRY_SECONDS, None):
            try:
                await self._send(mark)
            except Unavailable:
                if pause is not None:
                    await asyncio.sleep(pause)
                    continue
                log.warning("read_mark_given_up", session_id=str(mark.session_id))
            except Refusal:
                pass  # deleted meanwhile: nothing left to mark
            return
