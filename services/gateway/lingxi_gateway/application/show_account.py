"""Show the account."""

from uuid import UUID

from lingxi_gateway.application.accounts import Accounts
from lingxi_gateway.domain.refusals import TokenInvalid
from lingxi_gateway.projections.users import User, get_user


async def show_account(accounts: Accounts, user_id: UUID) -> User:
    """The account as its user sees it.

    Raises:
        TokenInvalid (the account is gone), Unavailable.
    """
    user = await get_user(accounts.pool, user_id)
    if user is None:
        raise TokenInvalid
    return user
