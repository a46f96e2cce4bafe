"""Write down what is heard of sessions, and when each is due then.

Commutative: each fact is the greatest of its kind, what is written rests on what was read.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from uuid import UUID

from lingxi_chassis.postgres import Pool
from lingxi_contracts.errors import Unavailable
from lingxi_scheduler.domain.watch import Watch, reopened
from lingxi_scheduler.projections.watches import begin_watch, find_watch, write_heard

TRIES_MAX = 50
"""Each one is lost to somebody else who wrote to the same session meanwhile."""
BEFORE_ALL = UUID(int=0)

type News = Callable[[Watch], Watch]
type Page = Callable[[Pool, UUID, UUID], Awaitable[Sequence[UUID]]]


class WatchSessions:
    """Keeps the watches. `on_due` hears of each time at which a session is due."""

    def __init__(
        self, pool: Pool, time_scale: float, on_due: Callable[[datetime], None] = lambda _: None
    ) -> None:
        self._pool = pool
        self._time_scale = time_scale
        self._on_due = on_due

    async def hear(self, session_id: UUID, user_id: UUID | None, news: News) -> None:
        """Write down what is new. Of an erased user nothing; without a user id, of no session that
        is not known.

        Raises:
            Unavailable: the database is away, or too many wrote at once.
        """
        for _ in range(TRIES_MAX):
            kept = await find_watch(self._pool, session_id)
            if kept is None:
                if not user_id or not await begin_watch(self._pool, session_id, user_id):
                    return
                continue
            heard = news(kept.watch)
            if heard is kept.watch:
                return
            due = kept.due(heard, self._time_scale)
            if not await write_heard(self._pool, kept, heard, due):
                continue
            if heard.agent_id == kept.watch.agent_id or heard.ended:
                if due is not None:
                    self._on_due(due)
                return
            # Its agent's manners were not read yet; and whoever changes them now sees the row.
            news = reopened
        raise Unavailable

    async def reopen(self, page: Page, whose: UUID) -> None:
        """Something that the sessions of an agent or a user may wait for has changed."""
        last = BEFORE_ALL
        while sessions := await page(self._pool, whose, last):
            for session_id in sessions:
                await self.hear(session_id, None, reopened)
            last = sessions[-1]
