"""The queue of erasures: table `erasures`, claims and stages.

A row is there from its stream's tombstone, in the same append, until nothing is left to erase. All
steps are idempotent and harmless when two do them at once, so a lease only saves work, and what is
committed needs no guard.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from lingxi_chassis.eventlog import Clause
from lingxi_chassis.postgres import Pool, execute, fetch_all

LEASE_SECONDS = 30
RENEW_SECONDS = 10
PAUSE_SECONDS_MAX = 60.0
FIRST_PAUSE_SECONDS = 0.5

type Stage = Literal["blank", "purge"]
"""`blank`: the log may hold content. `purge`: it holds none, the streams may."""

ERASING = Clause(
    "erasing",
    "insert into erasures (stream_id, user_id, version)"
    " select stream_id, user_id, version from appended on conflict (stream_id) do nothing",
)
"""Effect of every append with `erase=True`: the rest is erased by the job."""


@dataclass(frozen=True, slots=True)
class Erasure:
    """One stream to erase; `version` is its tombstone's."""

    stream_id: UUID
    user_id: UUID
    version: int
    stage: Stage
    tries: int


async def claim_erasures(pool: Pool, limit: int) -> list[Erasure]:
    """Claim what is due and nobody works on, oldest first."""
    rows = await fetch_all(
        pool,
        f"""
        update erasures
        set lease_until = now() + interval '{LEASE_SECONDS} seconds', tries = tries + 1
        where stream_id = any (array (
            select stream_id from erasures
            where not_before <= now() and (lease_until is null or lease_until < now())
            order by not_before limit %(limit)s for update skip locked
        ))
        returning stream_id, user_id, version, stage, tries
        """,
        {"limit": limit},
    )
    return [Erasure(*row) for row in rows]


async def renew(pool: Pool, erasures: Sequence[Erasure]) -> bool:
    """Hold on to those that are not done. Never refused: nothing is lost if another has them."""
    await execute(
        pool,
        f"""
        update erasures set lease_until = now() + interval '{LEASE_SECONDS} seconds'
        where stream_id = any (%(streams)s) and lease_until is not null
        """,
        {"streams": [erasure.stream_id for erasure in erasures]},
    )
    return True


async def blanked(pool: Pool, erasure: Erasure) -> None:
    """The log holds none of its content any more; tries count anew."""
    await execute(
        pool,
        "update erasures set stage = 'purge', tries = 1 where stream_id = %(stream_id)s",
        {"stream_id": erasure.stream_id},
    )


async def go_on(pool: Pool, erasure: Erasure) -> None:
    """There is more to do, behind all that is due by now; tries count anew."""
    await execute(
        pool,
        "update erasures set lease_until = null, not_before = now(), tries = 0"
        " where stream_id = %(stream_id)s",
        {"stream_id": erasure.stream_id},
    )


async def put_off(pool: Pool, erasure: Erasure) -> None:
    """Somebody may try again in a while, longer each time."""
    pause = min(FIRST_PAUSE_SECONDS * 2 ** min(erasure.tries - 1, 16), PAUSE_SECONDS_MAX)
    await execute(
        pool,
        "update erasures set lease_until = null,"
        " not_before = now() + make_interval(secs => %(pause)s) where stream_id = %(stream_id)s",
        {"stream_id": erasure.stream_id, "pause": pause},
    )


async def done(pool: Pool, erasure: Erasure) -> None:
    """Nothing of the stream is left."""
    sql = "delete from erasures where stream_id = %(stream_id)s"
    await execute(pool, sql, {"stream_id": erasure.stream_id})


async def open_erasures(pool: Pool) -> int:
    """How many streams are not fully erased yet."""
    rows = await fetch_all(pool, "select count(*) from erasures", {})
    return int(rows[0][0])
