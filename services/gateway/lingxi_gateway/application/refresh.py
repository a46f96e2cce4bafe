"""Refresh: a refresh token for new tokens (`domain.refresh` has the rule)."""

from dataclasses import replace
from hmac import compare_digest

from lingxi_chassis.clock import utc_now
from lingxi_chassis.eventlog import Conflict, again_on_conflict
from lingxi_gateway.application.accounts import Accounts
from lingxi_gateway.application.log_in import hash_of
from lingxi_gateway.application.ports import RefreshClaims, TokenPair
from lingxi_gateway.domain.refresh import Family, use
from lingxi_gateway.domain.refusals import TokenInvalid
from lingxi_gateway.projections import refresh_families


async def refresh(accounts: Accounts, token: str, address: str) -> TokenPair:
    """New tokens; the refresh token is the given one's successor.

    Raises:
        TokenInvalid: not a refresh token, at its end, or of a login that has ended; or a spent one,
            and the login ends now.
        Unavailable: the database is away.
    """
    claims = accounts.tokens.read_refresh(token, utc_now())
    return await again_on_conflict(lambda: _attempt(accounts, claims, address))


async def _attempt(accounts: Accounts, claims: RefreshClaims, address: str) -> TokenPair:
    row = await refresh_families.get_family(accounts.pool, claims.family_id, claims.user_id)
    if row is None or not compare_digest(row.key_hash, hash_of(claims.key)):
        raise TokenInvalid
    family = use(Family(row.generation), claims.generation)
    if family is None:
        await accounts.audit.record("token_reused", claims.user_id, address)
        await refresh_families.end(accounts.pool, claims.family_id)
        accounts.access.forget(claims.user_id)
        raise TokenInvalid
    next_claims = replace(claims, generation=family.successor)
    pair = accounts.tokens.pair(next_claims, row.token_epoch, utc_now())
    if not await refresh_families.record_use(
        accounts.pool, claims.family_id, row.generation, family.generation, pair.refresh_ends_at
    ):
        raise Conflict
    return pair
