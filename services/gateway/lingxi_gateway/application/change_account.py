"""Change the account: address, time zone, password."""

from dataclasses import dataclass

from lingxi_chassis.clock import utc_now
from lingxi_chassis.eventlog import Clause, again_on_conflict
from lingxi_gateway.application.accounts import Accounts
from lingxi_gateway.application.log_in import check_password
from lingxi_gateway.application.ports import Caller
from lingxi_gateway.domain.account import Account, change
from lingxi_gateway.domain.refusals import TokenInvalid
from lingxi_gateway.projections import audit, credentials, refresh_families


@dataclass(frozen=True, slots=True)
class PasswordChange:
    """A new password, and the proof that the user asks for it."""

    current: str
    new: str


async def change_account(
    accounts: Accounts,
    caller: Caller,
    changed: dict[str, str | None],
    password: PasswordChange | None,
    address: str,
) -> None:
    """Change what `changed` names (`email`, `timezone`), and the password.

    A new password ends all other logins and their access tokens. The caller's own go on: who has
    just proved both token and password need not log in again.

    Raises:
        PasswordWrong, TooManyLogins, TokenInvalid (the account is gone), Unavailable.
    """
    effects: tuple[Clause, ...] = ()
    if password is not None:
        await check_password(accounts, caller.user_id, password.current, address)
        new_hash = await accounts.passwords.hash(password.new)
        effects = (
            credentials.new_password(new_hash),
            *refresh_families.end_others(caller.family_id),
            audit.done("password_changed", address),
        )

    async def attempt() -> None:
        snapshot = await accounts.log.load(caller.user_id, caller.user_id)
        if snapshot is None:
            raise TokenInvalid
        now = snapshot.state
        wanted = Account(
            email=changed.get("email", now.email),
            timezone=changed.get("timezone") or now.timezone,
        )
        events = change(wanted, now, new_password=password is not None)
        await accounts.log.append(snapshot, events, utc_now(), effects=effects)

    await again_on_conflict(attempt)
    if password is not None:
        accounts.access.forget(caller.user_id)
