"""Log in: a user name and a password for tokens."""

import secrets
from hashlib import sha256
from uuid import UUID

from lingxi_chassis.clock import utc_now
from lingxi_chassis.ids import new_id
from lingxi_contracts.audit import NOBODY
from lingxi_gateway.application.accounts import Accounts
from lingxi_gateway.application.ports import RefreshClaims, TokenPair
from lingxi_gateway.domain.refresh import Family
from lingxi_gateway.domain.refusals import (
    AccountDisabled,
    CredentialsInvalid,
    PasswordWrong,
    TooManyLogins,
)
from lingxi_gateway.projections import credentials, login_failures, refresh_families

FAMILY_KEY_BYTES = 32


async def log_in(accounts: Accounts, username: str, password: str, address: str) -> TokenPair:
    """Tokens of a new login. An unknown name takes as long as a wrong password.

    Raises:
        CredentialsInvalid, AccountDisabled, TooManyLogins, Unavailable.
    """
    attempt = await count_attempt(accounts, address, username, NOBODY)
    known = await credentials.by_username(accounts.pool, username)
    password_hash = known.password_hash if known else None
    if not await accounts.passwords.verify(password, password_hash) or known is None:
        tried = known.user_id if known else NOBODY
        await accounts.audit.record("login_failed", tried, address)
        raise CredentialsInvalid
    if known.disabled:
        await accounts.audit.record("login_refused", known.user_id, address)
        await forget_attempts(accounts, attempt)
        raise AccountDisabled
    key = secrets.token_urlsafe(FAMILY_KEY_BYTES)
    first = RefreshClaims(known.user_id, new_id(), Family().generation, key)
    at = utc_now()
    pair = accounts.tokens.pair(first, known.token_epoch, at)
    started = await refresh_families.start(
        accounts.pool,
        family_id=first.family_id,
        user_id=first.user_id,
        password_hash=known.password_hash,
        key_hash=hash_of(key),
        at=at,
        expires_at=pair.refresh_ends_at,
        address=address,
    )
    if not started:
        raise CredentialsInvalid
    await forget_attempts(accounts, attempt)
    return pair


async def check_password(accounts: Accounts, user_id: UUID, password: str, address: str) -> None:
    """That a user who is logged in knows the password, too.

    Raises:
        PasswordWrong, TooManyLogins, Unavailable.
    """
    attempt = await count_attempt(accounts, address, str(user_id), user_id)
    known = await credentials.by_user(accounts.pool, user_id)
    password_hash = known.password_hash if known else None
    if not await accounts.passwords.verify(password, password_hash):
        await accounts.audit.record("password_failed", user_id, address)
        raise PasswordWrong
    await forget_attempts(accounts, attempt)


async def count_attempt(accounts: Accounts, address: str, name: str, user_id: UUID) -> bytes | None:
    """Count a try at a password; its key, for `forget_attempts`. Raises `TooManyLogins`.

    `user_id`: who is known to try it, or NOBODY.
    """
    if not accounts.failed_logins_max:
        return None
    key, attempts, seconds_left = await login_failures.count_attempt(accounts.pool, address, name)
    if attempts > accounts.failed_logins_max:
        await accounts.audit.record("login_throttled", user_id, address)
        raise TooManyLogins(retry_after_seconds=seconds_left)
    return key


async def forget_attempts(accounts: Accounts, attempt: bytes | None) -> None:
    """The password was right."""
    if attempt is not None:
        await login_failures.forget(accounts.pool, attempt)


def hash_of(key: str) -> bytes:
    """What is kept of a family's secret."""
    return sha256(key.encode()).digest()
