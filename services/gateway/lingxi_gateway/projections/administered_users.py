"""Accounts as an operator sees them: the read model `users` and whether they may come in."""

from uuid import UUID

from lingxi_chassis.postgres import Pool, Row, fetch_all, fetch_one
from lingxi_contracts.operations import UserPage, UserView
from lingxi_gateway.projections.users import KEY_OF

_SELECT = """
    select user_id, username, email, timezone, created_at, disabled
    from users join credentials using (user_id)"""


async def list_users(pool: Pool, after: UUID | None, limit: int) -> UserPage:
    """A page, by id: the order of registration."""
    rows = await fetch_all(
        pool,
        f"{_SELECT} where user_id > %(after)s order by user_id limit %(more)s",
        {"after": after or UUID(int=0), "more": limit + 1},
    )
    results = tuple(_view(row) for row in rows[:limit])
    return UserPage(results=results, next_after=results[-1].user_id if rows[limit:] else None)


async def find_user(pool: Pool, username: str) -> UserView | None:
    """The user of a name, whatever its case."""
    key = KEY_OF.format("%(username)s::text")
    row = await fetch_one(pool, f"{_SELECT} where username_key = {key}", {"username": username})
    return _view(row) if row else None


async def get_user(pool: Pool, user_id: UUID) -> UserView | None:
    """One user."""
    row = await fetch_one(pool, f"{_SELECT} where user_id = %(user_id)s", {"user_id": user_id})
    return _view(row) if row else None


def _view(row: Row) -> UserView:
    return UserView(
        user_id=row[0],
        username=row[1],
        email=row[2],
        timezone=row[3],
        created_at=row[4],
        disabled=row[5],
    )
