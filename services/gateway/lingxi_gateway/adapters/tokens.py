"""Access and refresh tokens: JWTs signed with HS256, and no other algorithm is read.

Both kinds say `sub` (user), `sid` (family), `kind`, `iat`, `exp`; an access token the user's token
`epoch`; a refresh token its generation `gen` and the family's secret `key`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Literal
from uuid import UUID

import jwt

from lingxi_gateway.application.ports import AccessClaims, RefreshClaims, TokenPair
from lingxi_gateway.domain.refusals import TokenInvalid

ALGORITHM = "HS256"
TOKEN_CHARS_MAX = 2048
VERIFIED_MAX = 4096
"""Tokens whose signature is known to be good; checking one anew costs as much as a small query."""

type Kind = Literal["access", "refresh"]
type Claims = dict[str, Any]


@dataclass(frozen=True)
class JwtTokens:
    """Signs and reads tokens with one secret."""

    verified: Callable[[str], Claims]
    secret: str
    access_lasts: timedelta
    refresh_lasts: timedelta

    @classmethod
    def of(cls, secret: str, access_lasts: timedelta, refresh_lasts: timedelta) -> "JwtTokens":
        """Tokens of one secret, lasting so long."""

        @lru_cache(maxsize=VERIFIED_MAX)
        def verified(token: str) -> Claims:
            # The times are looked at on each use: `exp` passes while a token is remembered.
            options: Any = {"verify_exp": False, "verify_iat": False}
            return jwt.decode(token, secret, algorithms=[ALGORITHM], options=options)

        return cls(verified, secret, access_lasts, refresh_lasts)

    def pair(self, claims: RefreshClaims, token_epoch: int, at: datetime) -> TokenPair:
        """An access token, and the refresh token of these claims."""
        of_both = {"sub": str(claims.user_id), "sid": str(claims.family_id)}
        refresh_ends_at = at + self.refresh_lasts
        access = self._sign("access", {**of_both, "epoch": token_epoch}, at, at + self.access_lasts)
        refresh = self._sign(
            "refresh",
            {**of_both, "gen": claims.generation, "key": claims.key},
            at,
            refresh_ends_at,
        )
        return TokenPair(access, refresh, refresh_ends_at)

    def _sign(self, kind: Kind, claims: Claims, at: datetime, ends_at: datetime) -> str:
        times = {"iat": int(at.timestamp()), "exp": int(ends_at.timestamp())}
        return jwt.encode({**claims, "kind": kind, **times}, self.secret, ALGORITHM)

    def read_access(self, token: str, at: datetime) -> AccessClaims:
        """What an access token says.

        Raises:
            TokenInvalid: forged, of another kind, or at its end.
        """
        claims = self._read(token, "access", at)
        return AccessClaims(
            user_id=UUID(claims["sub"]),
            family_id=UUID(claims["sid"]),
            token_epoch=claims["epoch"],
            issued_at=datetime.fromtimestamp(claims["iat"], UTC),
            expires_at=datetime.fromtimestamp(claims["exp"], UTC),
        )

    def read_refresh(self, token: str, at: datetime) -> RefreshClaims:
        """What a refresh token says. Raises as `read_access`."""
        claims = self._read(token, "refresh", at)
        return RefreshClaims(
            user_id=UUID(claims["sub"]),
            family_id=UUID(claims["sid"]),
            generation=claims["gen"],
            key=claims["key"],
        )

    def _read(self, token: str, kind: Kind, at: datetime) -> Claims:
        if len(token) > TOKEN_CHARS_MAX:
            raise TokenInvalid
        try:
            claims = self.verified(token)
        # ValueError: text that is no ASCII never gets as far as a signature.
        except (jwt.InvalidTokenError, ValueError):
            raise TokenInvalid from None
        if claims.get("kind") != kind or at.timestamp() >= claims["exp"]:
            raise TokenInvalid
        return claims
