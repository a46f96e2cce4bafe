"""End the feeds of logins that have ended, wherever that was said.

One statement for all open feeds every `CHECK_SECONDS`; none while there are no feeds.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from uuid import UUID

from lingxi_contracts.errors import Unavailable
from lingxi_gateway.application.check_access import counts
from lingxi_gateway.application.feeds import Feeds
from lingxi_gateway.projections.refresh_families import Logins

CHECK_SECONDS = 5.0

type ReadLoginsOf = Callable[[Sequence[UUID]], Awaitable[Mapping[UUID, Logins]]]


async def end_feeds(feeds: Feeds, read_logins_of: ReadLoginsOf) -> None:
    """Until cancelled."""
    while True:
        await asyncio.sleep(CHECK_SECONDS)
        await end_feeds_once(feeds, read_logins_of)


async def end_feeds_once(feeds: Feeds, read_logins_of: ReadLoginsOf) -> None:
    """End those whose login has ended by now. While the database is away, all go on."""
    opened = feeds.all()
    if not opened:
        return
    try:
        known = await read_logins_of(list({feed.listener.user_id for feed in opened}))
    except Unavailable:
        return
    for feed in opened:
        if not counts(feed.listener, known.get(feed.listener.user_id)):
            feed.end()
