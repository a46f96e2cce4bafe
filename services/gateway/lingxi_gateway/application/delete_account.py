"""Delete the account: by one tombstone account, credentials and logins go, and the name is free.

Whoever keeps something of the user hears of it, and erases it.
"""

from uuid import UUID

from lingxi_chassis.clock import utc_now
from lingxi_chassis.erasure import ERASED_WITH_STREAM, ERASING
from lingxi_chassis.eventlog import again_on_conflict
from lingxi_contracts.audit import Action
from lingxi_contracts.errors import Refusal
from lingxi_contracts.operations import UserNotFound
from lingxi_gateway.application.accounts import Accounts
from lingxi_gateway.application.log_in import check_password
from lingxi_gateway.application.ports import Caller
from lingxi_gateway.domain import account
from lingxi_gateway.domain.refusals import TokenInvalid
from lingxi_gateway.projections import audit, credentials, refresh_families


async def delete_account(accounts: Accounts, caller: Caller, password: str, address: str) -> None:
    """Delete the caller's own account. Tokens end at once, at other replicas within seconds.

    Raises:
        PasswordWrong, TooManyLogins, TokenInvalid (the account is gone), Unavailable.
    """
    await check_password(accounts, caller.user_id, password, address)
    await _delete(accounts, caller.user_id, "deleted", TokenInvalid)


async def delete_user(accounts: Accounts, user_id: UUID) -> None:
    """An operator deletes an account. Raises UserNotFound (for a repeat too), Unavailable."""
    await _delete(accounts, user_id, "deleted_by_operator", UserNotFound)


async def _delete(accounts: Accounts, user_id: UUID, action: Action, gone: type[Refusal]) -> None:
    async def attempt() -> None:
        snapshot = await accounts.log.load(user_id, user_id)
        if snapshot is None:
            raise gone
        await accounts.log.append(
            snapshot,
            account.delete(),
            utc_now(),
            effects=(
                credentials.forgotten(),
                refresh_families.end_every(),
                audit.addresses_forgotten(),
                audit.done(action, None),
                ERASED_WITH_STREAM,
                ERASING,
            ),
            erase=True,
        )

    await again_on_conflict(attempt)
    accounts.access.forget(user_id)
