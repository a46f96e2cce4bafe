"""Log out: end this login, or all of a user's."""

from hmac import compare_digest

from lingxi_chassis.clock import utc_now
from lingxi_gateway.application.accounts import Accounts
from lingxi_gateway.application.log_in import hash_of
from lingxi_gateway.domain.refresh import Family, use
from lingxi_gateway.domain.refusals import TokenInvalid
from lingxi_gateway.projections import refresh_families


async def log_out(accounts: Accounts, token: str, address: str, *, everywhere: bool) -> None:
    """End the login of a refresh token; with `everywhere` all logins of its user.

    Logging out again is fine. A spent token ends its own login and no other: who holds it may not
    be the user.

    Raises:
        TokenInvalid: not a refresh token, or at its end; or not good enough for `everywhere`.
        Unavailable: the database is away.
    """
    claims = accounts.tokens.read_refresh(token, utc_now())
    row = await refresh_families.get_family(accounts.pool, claims.family_id, claims.user_id)
    good = row is not None and compare_digest(row.key_hash, hash_of(claims.key))
    unspent = row is not None and use(Family(row.generation), claims.generation) is not None
    if everywhere and good and unspent:
        await accounts.audit.record("logged_out_everywhere", claims.user_id, address)
        await refresh_families.end_all(accounts.pool, claims.user_id)
    elif good:
        await accounts.audit.record("logged_out", claims.user_id, address)
        await refresh_families.end(accounts.pool, claims.family_id)
    accounts.access.forget(claims.user_id)
    if everywhere and not (good and unspent):
        raise TokenInvalid
