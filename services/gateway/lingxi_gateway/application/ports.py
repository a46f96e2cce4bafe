"""What the application needs from outside, by protocol; `adapters` implements it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

TOKEN_CHARS_MAX = 2048
"""A longer one is none of ours, and not looked at."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sent a request: a user, through one login (family), until the token ends."""

    user_id: UUID
    family_id: UUID
    token_epoch: int
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class AccessClaims:
    """What an access token says."""

    user_id: UUID
    family_id: UUID
    token_epoch: int
    issued_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class RefreshClaims:
    """What a refresh token says. `key`: the family's secret, of which we keep a hash."""

    user_id: UUID
    family_id: UUID
    generation: int
    key: str


@dataclass(frozen=True, slots=True)
class TokenPair:
    """What a login or a refresh gives; the family must outlive `refresh_ends_at`."""

    access: str
    refresh: str
    refresh_ends_at: datetime


class Tokens(Protocol):
    """Signs tokens and reads them."""

    def pair(self, claims: RefreshClaims, token_epoch: int, at: datetime) -> TokenPair:
        """An access token, and the refresh token of these claims."""
        ...

    def read_access(self, token: str, at: datetime) -> AccessClaims:
        """Raises `TokenInvalid`: forged, of another kind, or at its end."""
        ...

    def read_refresh(self, token: str, at: datetime) -> RefreshClaims:
        """Raises as `read_access`."""
        ...

    @property
    def public_keys(self) -> Sequence[Mapping[str, str]]:
        """JSON Web Keys by which anybody may check tokens; none: only we can."""
        ...


class Passwords(Protocol):
    """Hashes passwords, slowly and off the event loop. Both raise `Unavailable` when swamped."""

    async def hash(self, password: str) -> str:
        """The hash with its parameters and salt."""
        ...

    async def verify(self, password: str, password_hash: str | None) -> bool:
        """Whether it is the password; without a hash False, after the same time."""
        ...
