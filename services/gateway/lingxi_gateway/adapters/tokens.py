"""Access and refresh tokens: JWTs, signed and read by the keys there are (see `keys`).

Both kinds say `sub` (user), `sid` (family), `kind`, `iat`, `exp`; an access token the user's token
`epoch`; a refresh token its generation `gen` and the family's secret `key`.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Annotated, Literal
from uuid import UUID

import jwt
from pydantic import BaseModel, ConfigDict, Discriminator, Field, StrictInt, StrictStr, TypeAdapter

from lingxi_gateway.adapters.keys import Keys, PublicKey
from lingxi_gateway.application.ports import TOKEN_CHARS_MAX, AccessClaims, RefreshClaims, TokenPair
from lingxi_gateway.domain.refusals import TokenInvalid

VERIFIED_MAX = 4096
"""Tokens whose signature is known to be good; checking one anew costs as much as a small query."""

SECONDS_MAX = 253_402_300_799
"""The end of the year 9999, which datetime cannot pass."""

type Seconds = Annotated[StrictInt, Field(ge=0, le=SECONDS_MAX)]


class _Claims(BaseModel):
    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)
    sub: UUID
    sid: UUID
    iat: Seconds
    exp: Seconds


class _Access(_Claims):
    kind: Literal["access"]
    epoch: StrictInt


class _Refresh(_Claims):
    kind: Literal["refresh"]
    gen: Annotated[StrictInt, Field(ge=0, le=2**31 - 2)]
    key: StrictStr


_claims: TypeAdapter[_Access | _Refresh] = TypeAdapter(
    Annotated[_Access | _Refresh, Discriminator("kind")]
)


class JwtTokens:
    """Signs and reads tokens by keys; they last so long."""

    def __init__(self, keys: Keys, access_lasts: timedelta, refresh_lasts: timedelta) -> None:
        self._keys = keys
        self._access_lasts = access_lasts
        self._refresh_lasts = refresh_lasts
        self._verified = lru_cache(maxsize=VERIFIED_MAX)(self._verify)

    def pair(self, claims: RefreshClaims, token_epoch: int, at: datetime) -> TokenPair:
        """An access token, and the refresh token of these claims."""
        times = {"sub": str(claims.user_id), "sid": str(claims.family_id), "iat": _seconds(at)}
        refresh_ends_at = at + self._refresh_lasts
        access = {
            **times,
            "kind": "access",
            "exp": _seconds(at + self._access_lasts),
            "epoch": token_epoch,
        }
        refresh = {
            **times,
            "kind": "refresh",
            "exp": _seconds(refresh_ends_at),
            "gen": claims.generation,
            "key": claims.key,
        }
        sign = self._keys.sign
        return TokenPair(sign(access), sign(refresh), refresh_ends_at)

    @property
    def public_keys(self) -> Sequence[PublicKey]:
        """Of all keys whose tokens are read, the one that signs first."""
        return self._keys.public

    def read_access(self, token: str, at: datetime) -> AccessClaims:
        """What an access token says.

        Raises:
            TokenInvalid: forged, of another kind, or at its end.
        """
        match self._read(token, at):
            case _Access() as claims:
                return AccessClaims(
                    user_id=claims.sub,
                    family_id=claims.sid,
                    token_epoch=claims.epoch,
                    issued_at=datetime.fromtimestamp(claims.iat, UTC),
                    expires_at=datetime.fromtimestamp(claims.exp, UTC),
                )
            case _Refresh():
                raise TokenInvalid

    def read_refresh(self, token: str, at: datetime) -> RefreshClaims:
        """What a refresh token says. Raises as `read_access`."""
        match self._read(token, at):
            case _Refresh() as claims:
                return RefreshClaims(claims.sub, claims.sid, claims.gen, claims.key)
            case _Access():
                raise TokenInvalid

    def _read(self, token: str, at: datetime) -> _Access | _Refresh:
        if len(token) > TOKEN_CHARS_MAX:
            raise TokenInvalid
        try:
            claims = self._verified(token)
        # ValueError: not of our shape, or not even ASCII.
        except (jwt.InvalidTokenError, ValueError):
            raise TokenInvalid from None
        if at.timestamp() >= claims.exp:
            raise TokenInvalid
        return claims

    def _verify(self, token: str) -> _Access | _Refresh:
        return _claims.validate_python(self._keys.read(token))


def _seconds(at: datetime) -> int:
    return int(at.timestamp())
