"""Blanking: the content of an erased stream's events goes, the events stay.

Versions, order and publication are as before: a subscriber that comes late sees the same events
with null data. The tombstone keeps its data, which holds no content.
"""

from lingxi_chassis.erasure.queue import Erasure
from lingxi_chassis.postgres import Pool, execute

ROWS_PER_TRANSACTION_MAX = 1_000
"""An open write transaction holds every relay of the cluster back."""

_BLANK = """
    update events set data = null, metadata = null
    where stream_id = %(stream_id)s and version >= %(first)s and version < %(end)s
      and (data is not null or metadata is not null)
"""


async def blank_rows(pool: Pool, erasure: Erasure) -> int:
    """Blank all events before the tombstone; how many were not yet.

    Idempotent; each batch is a transaction of its own. The relay may hold rows it read before.

    Raises:
        Unavailable: the database is away.
    """
    blanked = 0
    for first in range(1, erasure.version, ROWS_PER_TRANSACTION_MAX):
        end = min(first + ROWS_PER_TRANSACTION_MAX, erasure.version)
        params = {"stream_id": erasure.stream_id, "first": first, "end": end}
        blanked += await execute(pool, _BLANK, params)
    return blanked
