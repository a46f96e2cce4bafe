"""What is heard of a session in a moment is written once, and told to all who waited."""

import asyncio
from collections.abc import Mapping
from uuid import UUID

from lingxi_chassis.ids import new_id
from lingxi_contracts.errors import Unavailable
from lingxi_scheduler.application.gather_news import GatherNews
from lingxi_scheduler.application.watch_sessions import News
from lingxi_scheduler.domain.watch import LONG_AGO, Watch, posted, read

USER = new_id()


class Written:
    """Keeps watches in memory; refuses the first `away` writes."""

    def __init__(self, away: int = 0) -> None:
        self.watches: list[Watch] = []
        self.away = away

    async def hear(self, news: Mapping[UUID, News], users: Mapping[UUID, UUID]) -> None:
        if self.away:
            self.away -= 1
            raise Unavailable
        self.watches += [told(Watch(one, users[one])) for one, told in news.items()]


async def test_news_of_one_session_are_written_together() -> None:
    written = Written()
    gather = GatherNews(written.hear, 0.01)
    one, another = new_id(), new_id()
    await asyncio.gather(
        gather(one, USER, lambda watch: posted(watch, LONG_AGO, 3)),
        gather(another, USER, lambda watch: posted(watch, LONG_AGO, 7)),
        gather(one, USER, lambda watch: read(watch, LONG_AGO, 2)),
    )
    assert [(w.session_id, w.last_user_seq, w.read_up_to) for w in written.watches] == [
        (one, 3, 2),
        (another, 7, 0),
    ]
    await gather(one, USER, lambda watch: posted(watch, LONG_AGO, 4))
    assert written.watches[-1].last_user_seq == 4


async def test_all_who_waited_hear_that_it_was_not_written() -> None:
    gather = GatherNews(Written(away=1).hear, 0.01)
    session = new_id()

    def news(watch: Watch) -> Watch:
        return posted(watch, LONG_AGO, 3)

    told = await asyncio.gather(
        gather(session, USER, news), gather(session, USER, news), return_exceptions=True
    )
    assert [type(one) for one in told] == [Unavailable, Unavailable]
    await gather(session, USER, news)


async def test_who_gives_up_takes_nobody_along() -> None:
    written = Written()
    gather = GatherNews(written.hear, 0.01)
    session = new_id()

    async def impatient() -> None:
        async with asyncio.timeout(0):
            await gather(session, USER, lambda watch: posted(watch, LONG_AGO, 3))

    patient = gather(session, USER, lambda watch: read(watch, LONG_AGO, 2))
    first, second = await asyncio.gather(impatient(), patient, return_exceptions=True)
    assert isinstance(first, TimeoutError)
    assert second is None
    assert len(written.watches) == 1
