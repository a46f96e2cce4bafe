"""Whose request is this: an access token, checked against the user's logins.

What a user's logins are is asked at most once in `FRESH_SECONDS`, however many requests they send:
that long a login that was ended elsewhere is still taken; one that was ended by this process ends
at once (`forget`).
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from lingxi_chassis.clock import monotonic, utc_now
from lingxi_gateway.application.ports import Caller, Tokens
from lingxi_gateway.domain.refusals import TokenInvalid
from lingxi_gateway.projections.refresh_families import Logins

FRESH_SECONDS = 5.0
USERS_MAX = 10_000
"""Users remembered at a time; the one asked about longest ago goes first."""
CLOCK_SKEW = timedelta(seconds=2)
"""Between replicas; a token's time of issue has whole seconds, too."""

type ReadLogins = Callable[[UUID], Awaitable[Logins | None]]


@dataclass(frozen=True, slots=True)
class _Known:
    """What was asked, when, and the answer, perhaps still under way."""

    asked: float
    asked_at: datetime
    logins: asyncio.Future[Logins | None]


class AccessCheck:
    """Checks access tokens."""

    def __init__(self, tokens: Tokens, read_logins: ReadLogins) -> None:
        self._tokens = tokens
        self._read_logins = read_logins
        self._known: dict[UUID, _Known] = {}

    async def __call__(self, token: str) -> Caller:
        """Who sends this token.

        Raises:
            TokenInvalid: forged, of another kind, at its end, or of a login that was ended.
            Unavailable: the database is away.
        """
        claims = self._tokens.read_access(token, utc_now())
        known = self._known.get(claims.user_id)
        if known is None or monotonic() - known.asked >= FRESH_SECONDS:
            known = self._ask(claims.user_id)
        logins = await asyncio.shield(known.logins)
        if not counts(claims, logins):
            # A token younger than the answer may be of a login the answer does not know yet.
            if claims.issued_at + CLOCK_SKEW < known.asked_at:
                raise TokenInvalid
            if not counts(claims, await asyncio.shield(self._ask(claims.user_id).logins)):
                raise TokenInvalid
        return Caller(claims.user_id, claims.family_id, claims.token_epoch, claims.expires_at)

    def forget(self, user_id: UUID) -> None:
        """The user's logins have changed: ask again."""
        self._known.pop(user_id, None)

    def _ask(self, user_id: UUID) -> _Known:
        self._known.pop(user_id, None)
        while len(self._known) >= USERS_MAX:
            self._known.pop(next(iter(self._known)))
        asking = asyncio.ensure_future(self._read_logins(user_id))
        known = self._known[user_id] = _Known(monotonic(), utc_now(), asking)

        def done(asked: asyncio.Future[Logins | None]) -> None:
            # A failure is not an answer to keep; who waits for it gets it.
            failed = asked.cancelled() or asked.exception() is not None
            if failed and self._known.get(user_id) is known:
                self.forget(user_id)

        asking.add_done_callback(done)
        return known


class Login(Protocol):
    """Through which login, and by a token of which epoch."""

    @property
    def family_id(self) -> UUID: ...
    @property
    def token_epoch(self) -> int: ...


def counts(login: Login, logins: Logins | None) -> bool:
    """Whether a token of this login is good while these are the user's logins."""
    if logins is None or login.family_id not in logins.families:
        return False
    return login.token_epoch == logins.token_epoch or login.family_id in logins.exempt
