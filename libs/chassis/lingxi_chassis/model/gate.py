"""How many calls run at once, and who goes first: replies before background work.

Background work gets at most half of the slots (one if there is but one), so that a reply seldom
waits for a long summary to end. Within a priority it is first come, first served.
"""

import asyncio
from collections import deque

from lingxi_chassis.model.errors import ModelRateLimited
from lingxi_chassis.model.messages import Priority

WAITING_MAX = 1_000


class Gate:
    """`concurrency` slots for one process. Every `enter` that returns is followed by a `leave`."""

    def __init__(self, concurrency: int) -> None:
        if concurrency < 1:
            raise ValueError("concurrency must be at least 1")
        self._free = concurrency
        self._background_free = max(1, concurrency // 2)
        self._waiting: dict[Priority, deque[asyncio.Future[None]]] = {
            priority: deque() for priority in Priority
        }

    @property
    def free(self) -> int:
        """How many slots nobody holds."""
        return self._free

    @property
    def waiting(self) -> int:
        """How many calls wait for a slot."""
        return sum(map(len, self._waiting.values()))

    async def enter(self, priority: Priority) -> None:
        """Takes a slot; waits for one first. Raises ModelRateLimited when too many wait."""
        if not self._waiting[priority] and self._has_room(priority):
            self._take(priority)
            return
        if self.waiting >= WAITING_MAX:
            raise ModelRateLimited("too many calls are waiting here")
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[priority].append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.leave(priority)  # the slot was already ours: hand it on
            elif turn in self._waiting[priority]:
                self._waiting[priority].remove(turn)
            raise

    def leave(self, priority: Priority) -> None:
        """Gives the slot to whoever is next."""
        self._free += 1
        if priority is Priority.BACKGROUND:
            self._background_free += 1
        for next_up in Priority:
            queue = self._waiting[next_up]
            while queue and self._has_room(next_up):
                turn = queue.popleft()
                if not turn.done():
                    self._take(next_up)
                    turn.set_result(None)

    def _has_room(self, priority: Priority) -> bool:
        return self._free > 0 and (priority is Priority.REPLY or self._background_free > 0)

    def _take(self, priority: Priority) -> None:
        self._free -= 1
        if priority is Priority.BACKGROUND:
            self._background_free -= 1
