"""What a rebuild leaves whose process or connection died: copies of rows, in tables that no append
and no erasure reaches.

They are discarded under the lock of rebuilds, so never under a rebuild that is under way.
"""

from lingxi_chassis.postgres import Pool, execute, fetch_one
from lingxi_chassis.rebuild.read_models import REBUILD_LOCK
from lingxi_chassis.rebuild.shadow import SCHEMA

_DISCARD = f"""
    do $$ begin
        if pg_try_advisory_xact_lock({REBUILD_LOCK}) then
            drop schema if exists {SCHEMA} cascade;
        end if;
    end $$
"""


async def discard_leftovers(pool: Pool) -> bool:
    """Whether there are no copies; False: a rebuild is under way, and has some.

    Raises:
        Unavailable: the database is away.
    """
    if await _no_copies(pool):
        return True
    await execute(pool, _DISCARD, {})
    return await _no_copies(pool)


async def _no_copies(pool: Pool) -> bool:
    row = await fetch_one(pool, f"select to_regnamespace('{SCHEMA}') is null", {})
    return bool(row and row[0])
