"""The messages that others look at to summarise, to review, or to wonder whether to write."""

from uuid import UUID

from lingxi_chassis.postgres import Pool, Row, fetch_all
from lingxi_chat.projections.messages import VIEW_COLUMNS


async def messages_between(
    pool: Pool, session_id: UUID, after: int, up_to: int, limit: int
) -> list[Row]:
    """What stands after a seq, up to another, ascending, at most `limit`."""
    return await fetch_all(
        pool,
        f"""
        select {VIEW_COLUMNS} from messages m
        where m.session_id = %(session_id)s and m.seq > %(after)s and m.seq <= %(up_to)s
          and m.superseded_by is null
        order by m.seq limit %(limit)s
        """,
        {"session_id": session_id, "after": after, "up_to": up_to, "limit": limit},
    )


async def newest_standing(
    pool: Pool, session_id: UUID, limit: int, *, flagged: bool = True
) -> list[Row]:
    """The newest that stand, ascending; flagged ones only if asked for."""
    rows = await fetch_all(
        pool,
        f"""
        select {VIEW_COLUMNS} from messages m
        where m.session_id = %(session_id)s and m.superseded_by is null
          and (m.critical is null or %(flagged)s)
        order by m.seq desc limit %(limit)s
        """,
        {"session_id": session_id, "flagged": flagged, "limit": limit},
    )
    return rows[::-1]
