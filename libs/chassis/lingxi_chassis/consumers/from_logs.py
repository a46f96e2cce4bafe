"""Hear what owners' logs say from their beginnings, for tables that derive from others' events.

Streams keep events for some days, logs keep them all. So a service that is new, or whose tables
were emptied, asks the owners for their logs, page by page, and hands each event to its handlers,
beside what their consumers hear: they are idempotent and commutative, so the overlap is harmless,
and what a log does not tell yet comes by the stream.

A service whose tables were filled by the streams from their first day on says so in the migration
that makes `heard_logs` (`HEARD`): it hears logs when it is rebuilt.

How far it came is kept in `heard_logs`: any number of replicas may hear at once, and whoever takes
over goes on from there.
"""

import asyncio
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import structlog

from lingxi_chassis.consumers.handling import AWAY
from lingxi_chassis.consumers.subscriptions import Subscriptions
from lingxi_chassis.postgres import Pool, execute, fetch_one
from lingxi_chassis.rpc import RpcClient
from lingxi_contracts.reading import LogPlace, ReadLog

PAUSE_SECONDS = 1.0
PAUSE_SECONDS_MAX = 30.0
"""While an owner or the database is away; pauses double."""

CREATE = (
    """
    create table heard_logs (
        owner    text    primary key,
        xid      xid8    not null default '0',
        position bigint  not null default 0,
        done     boolean not null default false,
        round    int     not null default 1
    )
    """,
)
HEARD = "insert into heard_logs (owner, done) values ('{owner}', true)"
"""Nothing of this owner's log is missing."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Place:
    """A place in a log, in the round of hearing that it belongs to."""

    round: int
    after: LogPlace


class FromLogs:
    """Hears the logs of these owners, of all that a service has handlers for if none are named.

    `on_done` is called when it has.
    """

    def __init__(
        self,
        pool: Pool,
        rpc: RpcClient,
        subscriptions: Subscriptions,
        on_done: Callable[[], None] = lambda: None,
        owners: Collection[str] = (),
    ) -> None:
        self._pool = pool
        self._rpc = rpc
        self._subscriptions = subscriptions
        self._on_done = on_done
        self._owners = tuple(owners or subscriptions.events_heard)
        self._due = asyncio.Event()
        self._due.set()

    async def run(self) -> None:
        """Hear what was not heard yet, whenever there is something, until cancelled."""
        while True:
            await self._due.wait()
            self._due.clear()
            await asyncio.gather(*map(self._hear, self._owners))
            self._on_done()

    async def done(self) -> bool:
        """Whether all was heard; if not, it is gone on with. Raises Unavailable."""
        row = await fetch_one(
            self._pool,
            "select %(owners)s::text[] <@ array(select owner from heard_logs where done)",
            {"owners": list(self._owners)},
        )
        assert row is not None
        if not row[0]:
            self._due.set()
        return bool(row[0])

    async def begin_again(self, tables: Sequence[str]) -> None:
        """Empty these tables, all that handlers write, and hear everything once more.

        None: what they write is not taken back, and comes again where it is missing.
        """
        begin = b"update heard_logs set xid = '0', position = 0, done = false, round = round + 1"
        async with self._pool.connection() as connection, connection.transaction():
            await connection.execute(begin)
            if tables:
                await connection.execute(f"truncate {', '.join(tables)}".encode())
        self._due.set()

    async def _hear(self, owner: str) -> None:
        pause, events = PAUSE_SECONDS, 0
        while True:
            try:
                place = await self._place(owner)
                if place is None:
                    log.info("log_heard", owner=owner, events=events)
                    return
                events += await self._hear_page(owner, place)
                pause = PAUSE_SECONDS
            except AWAY as error:
                log.warning("log_not_heard_yet", owner=owner, error=type(error).__name__)
                await asyncio.sleep(pause)
                pause = min(2 * pause, PAUSE_SECONDS_MAX)

    async def _place(self, owner: str) -> _Place | None:
        """How far the log was heard; None: to its end."""
        row = await fetch_one(
            self._pool,
            "insert into heard_logs as h (owner) values (%(owner)s)"
            " on conflict (owner) do update set owner = h.owner"
            " returning round, xid::text, position, done",
            {"owner": owner},
        )
        assert row is not None
        round_, xid, position, done = row
        return None if done else _Place(round_, LogPlace(xid=xid, position=position))

    async def _hear_page(self, owner: str, place: _Place) -> int:
        names = tuple(sorted(self._subscriptions.events_heard[owner]))
        page = await self._rpc.call(ReadLog(names=names, after=place.after), owner=owner)
        await self._subscriptions.hear(owner, page.events)
        next_after = page.next_after or place.after
        # Not if another replica was faster, or somebody began again meanwhile.
        await execute(
            self._pool,
            "update heard_logs set xid = %(next_xid)s::xid8, position = %(next_position)s,"
            " done = %(done)s where owner = %(owner)s and round = %(round)s"
            " and xid = %(xid)s::xid8 and position = %(position)s",
            {
                "owner": owner,
                "round": place.round,
                **place.after.model_dump(),
                "next_xid": next_after.xid,
                "next_position": next_after.position,
                "done": page.next_after is None,
            },
        )
        return len(page.events)
