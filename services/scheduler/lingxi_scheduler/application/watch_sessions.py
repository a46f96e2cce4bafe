"""Write down what is heard of sessions, and when each is due then.

Commutative: each fact is the greatest of its kind, what is written rests on what was read.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from lingxi_chassis.postgres import Pool
from lingxi_contracts.errors import Unavailable
from lingxi_scheduler.domain.watch import Watch, reopened
from lingxi_scheduler.projections.heard import Overwrite, write_heard
from lingxi_scheduler.projections.watches import begin_watch, find_watches

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

    async def hear(self, news: Mapping[UUID, News], users: Mapping[UUID, UUID]) -> None:
        """Write down what is new, by session: a read and a commit for all of them.

        `users`: whose the sessions are. Of an erased user nothing is written; without a user, of no
        session that is not known.

        Raises:
            Unavailable: the database is away, or too many wrote at once.
        """
        left = dict(news)
        for _ in range(TRIES_MAX):
            if not left:
                return
            kept = {one.watch.session_id: one for one in await find_watches(self._pool, left)}
            for session_id in left.keys() - kept.keys():
                user_id = users.get(session_id)
                if user_id is None or not await begin_watch(self._pool, session_id, user_id):
                    del left[session_id]
            changed: list[Overwrite] = []
            for session_id, before in kept.items():
                heard = left[session_id](before.watch)
                if heard is before.watch:
                    del left[session_id]
                else:
                    due_at = before.due(heard, self._time_scale)
                    changed.append(Overwrite(before, heard, due_at))
            written = await write_heard(self._pool, changed) if changed else ()
            for one in changed:
                session_id = one.heard.session_id
                if session_id not in written:
                    continue
                if one.heard.agent_id == one.before.watch.agent_id or one.heard.ended:
                    if one.due_at is not None:
                        self._on_due(one.due_at)
                    del left[session_id]
                else:
                    # Its agent's manners were not read yet; whoever changes them now sees the row.
                    left[session_id] = reopened
        raise Unavailable

    async def reopen(self, page: Page, whose: UUID) -> None:
        """Something that the sessions of an agent or a user may wait for has changed."""
        last = BEFORE_ALL
        while sessions := await page(self._pool, whose, last):
            await self.hear(dict.fromkeys(sessions, reopened), {})
            last = sessions[-1]
