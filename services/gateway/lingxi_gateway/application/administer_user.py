"""Administer a user: what an operator does to one account that exists."""

from collections.abc import Callable, Sequence
from uuid import UUID

from lingxi_chassis.clock import utc_now
from lingxi_chassis.eventlog import Clause, again_on_conflict
from lingxi_contracts.operations import UserNotFound, UserView
from lingxi_gateway.application.accounts import Accounts
from lingxi_gateway.domain import account
from lingxi_gateway.domain.account import Account, AccountEvent
from lingxi_gateway.projections import audit, credentials, refresh_families
from lingxi_gateway.projections.administered_users import get_user


async def set_password(accounts: Accounts, user_id: UUID, password: str) -> UserView:
    """Give a user a new password; all their logins end. Raises as `_administer`."""
    new_hash = await accounts.passwords.hash(password)
    return await _administer(
        accounts,
        user_id,
        lambda now: account.change(now, now, new_password=True),
        (
            credentials.new_password(new_hash),
            refresh_families.end_every(),
            audit.done("password_set_by_operator", None),
        ),
    )


async def disable_user(accounts: Accounts, user_id: UUID) -> UserView:
    """Let a user in no more; all their logins end. A repeat does nothing. Raises as above."""
    effects = (
        credentials.disabled(),
        refresh_families.end_every(),
        audit.done("disabled_by_operator", None),
    )
    return await _administer(accounts, user_id, account.disable, effects)


async def enable_user(accounts: Accounts, user_id: UUID) -> UserView:
    """Let a user in again. A repeat does nothing. Raises as above."""
    effects = (credentials.enabled(), audit.done("enabled_by_operator", None))
    return await _administer(accounts, user_id, account.enable, effects)


async def _administer(
    accounts: Accounts,
    user_id: UUID,
    decide: Callable[[Account], tuple[AccountEvent, ...]],
    effects: Sequence[Clause],
) -> UserView:
    """Raises UserNotFound, Unavailable."""

    async def attempt() -> None:
        snapshot = await accounts.log.load(user_id, user_id)
        if snapshot is None:
            raise UserNotFound
        await accounts.log.append(snapshot, decide(snapshot.state), utc_now(), effects=effects)

    await again_on_conflict(attempt)
    accounts.access.forget(user_id)
    view = await get_user(accounts.pool, user_id)
    if view is None:
        raise UserNotFound
    return view
