"""A log that was restored into another Postgres cluster is made fit for it.

`xid` orders publication, and a row is published once its xid is below those of all open
transactions. A dump carries the old cluster's xids along; where the new one's are lower, restored
streams would refuse every append and restored rows would stay unpublished for long. So all rows get
the lowest xid there is: `position` alone orders them then, which is version order within each
stream, and all that comes later sorts behind them. The checkpoint describes no stream any more, so
the relay heals its own: it empties it and fills it again.

Where the new cluster's xids are higher than all of the log's nothing needs to be done: appends and
order hold, and the relay finds out itself whether its stream is that of this log.

Before any writer starts: whoever restores a database has stopped the service (runbook).
Source: architecture 4, "After a restore into another Postgres cluster".
"""

import structlog

from lingxi_chassis.postgres import Pool, fetch_one

RESTORE_LOCK = 0x6C787273
"""Advisory lock: replicas that start together do it once."""

log = structlog.get_logger(__name__)

# One look at the end of the index `events_tail`. The snapshots need none: a stream's xid is that of
# its last event, for both are written by the same append.
_FOREIGN = """
    select xid >= pg_snapshot_xmax(pg_current_snapshot())
    from events order by xid desc, position desc limit 1
"""
_ADOPT = (
    # Nobody writes now, as far as we were promised; if somebody does, they end first.
    "lock table streams, events, relay_checkpoint in share row exclusive mode",
    "update events set xid = '0' where xid <> '0'",
    "update streams set xid = '0' where xid <> '0'",
    "update relay_checkpoint set stream_created = '', stream_seq = 0, xid = '0', position = 0",
)


async def adopt_restored_log(pool: Pool) -> bool:
    """Make a log from another cluster fit for this one; whether there was anything to do.

    One query where there is not. Otherwise one transaction that rewrites every row of the log, so
    a crash in the middle leaves it to the next start; others that start meanwhile wait for it.

    Raises:
        Unavailable, psycopg.Error: the database is away.
    """
    if not await _is_foreign(pool):
        return False
    async with pool.connection() as connection, connection.transaction():
        # It takes as long as it takes. Other owners' relays in the cluster wait for it meanwhile.
        await connection.execute("set local transaction_timeout = 0")
        await connection.execute(
            "select pg_advisory_xact_lock(%(key)s)", {"key": RESTORE_LOCK}, prepare=False
        )
        row = await (await connection.execute(_FOREIGN.encode(), prepare=False)).fetchone()
        if row is None or not row[0]:
            return False  # another replica was faster
        for statement in _ADOPT:
            await connection.execute(statement.encode(), prepare=False)
    log.warning("log_adopted_after_restore")
    return True


async def _is_foreign(pool: Pool) -> bool:
    row = await fetch_one(pool, _FOREIGN, {})
    return bool(row and row[0])
