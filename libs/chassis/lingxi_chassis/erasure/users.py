"""Erasing a user: no new streams from here on, and then each one that there is.

Invariant: once `erase_user` has returned, the user has no living stream in this log and never will.
"""

from collections.abc import Awaitable, Callable
from uuid import UUID

from lingxi_chassis.erasure.schema import ERASED_USER_CONSTRAINT, USER_LOCK
from lingxi_chassis.eventlog import Clause
from lingxi_chassis.postgres import Pool, execute, fetch_all, fetch_one

__all__ = [
    "ERASED_USER_CONSTRAINT",
    "ERASED_WITH_STREAM",
    "erase_user",
    "forbid_new_streams",
    "is_erased",
]

BATCH_STREAMS_MAX = 100

ERASED_WITH_STREAM = Clause(
    "erased_with_stream",
    "insert into erased_users (user_id) select user_id from appended on conflict do nothing",
)
"""Effect of the tombstone of a user's one and only stream, instead of `erase_user`."""

type DeleteStream = Callable[[UUID], Awaitable[None]]
"""Appends the tombstone of one stream; a stream that is deleted already is no error."""


async def erase_user(pool: Pool, user_id: UUID, delete: DeleteStream) -> int:
    """Delete all of the user's streams; how many there were. Idempotent: stopped, do it again.

    Raises:
        Unavailable: the database is away.
    """
    await forbid_new_streams(pool, user_id)
    deleted = 0
    last = UUID(int=0)
    while batch := await _living_streams(pool, user_id, last):
        for stream_id in batch:
            await delete(stream_id)
        deleted += len(batch)
        last = batch[-1]
    return deleted


async def forbid_new_streams(pool: Pool, user_id: UUID) -> None:
    """From here on no stream of the user is begun; those begun before are committed and visible.

    The exclusive lock waits for creations under way; it is held until this statement's commit, so
    those that wait for it find the user erased.
    """
    await execute(
        pool,
        f"""
        with locked as materialized (
            select pg_advisory_xact_lock({USER_LOCK}, hashtext(%(user_id)s::uuid::text))
        )
        insert into erased_users (user_id) select %(user_id)s from locked
        on conflict (user_id) do nothing
        """,
        {"user_id": user_id},
    )


async def is_erased(pool: Pool, user_id: UUID) -> bool:
    """Whether the user was erased; a "no" may be old by the time it is read."""
    sql = "select 1 from erased_users where user_id = %(user_id)s"
    return await fetch_one(pool, sql, {"user_id": user_id}) is not None


async def _living_streams(pool: Pool, user_id: UUID, after: UUID) -> list[UUID]:
    rows = await fetch_all(
        pool,
        "select stream_id from streams where user_id = %(user_id)s and state is not null"
        " and stream_id > %(after)s order by stream_id limit %(limit)s",
        {"user_id": user_id, "after": after, "limit": BATCH_STREAMS_MAX},
    )
    return [row[0] for row in rows]
