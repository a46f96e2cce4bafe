"""Administer creation: an operator makes an account."""

from uuid import UUID

from lingxi_chassis.clock import utc_now
from lingxi_chassis.eventlog import again_on_conflict
from lingxi_contracts.operations import UserNotFound, UserView
from lingxi_gateway.application.accounts import Accounts
from lingxi_gateway.domain import account
from lingxi_gateway.projections import audit, credentials
from lingxi_gateway.projections.administered_users import get_user


async def create_user(
    accounts: Accounts, user_id: UUID, username: str, password: str, email: str | None
) -> UserView:
    """Make an account, whether registration is open or not. The id again is a repeat: the account
    as it is.

    Raises:
        UsernameTaken, Unavailable.
    """
    password_hash = await accounts.passwords.hash(password)

    async def attempt() -> None:
        if await accounts.log.exists(user_id):
            return
        await accounts.log.append(
            accounts.log.new(user_id, user_id),
            account.register(username, email),
            utc_now(),
            effects=(
                credentials.first_password(password_hash),
                audit.done("created_by_operator", None),
            ),
        )

    await again_on_conflict(attempt)
    view = await get_user(accounts.pool, user_id)
    if view is None:
        raise UserNotFound  # it was made, and deleted since
    return view
