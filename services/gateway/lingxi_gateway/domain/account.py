"""An account: what its log says of it. Passwords and tokens are no part of the log.

Invariants:
1. An account is registered once; its user name never changes.
2. A change that changes nothing is no event.
"""

from dataclasses import dataclass
from datetime import datetime

from lingxi_contracts.gateway import PasswordChanged, UserChanged, UserRegistered

DEFAULT_TIMEZONE = "UTC"

# Events

type AccountEvent = UserRegistered | UserChanged | PasswordChanged

# State


@dataclass(frozen=True, slots=True)
class Account:
    """What can change: the address, and the time zone (an IANA name)."""

    email: str | None = None
    timezone: str = DEFAULT_TIMEZONE


def evolve(state: Account, event: AccountEvent, at: datetime) -> Account:
    """The account after an event; when it was makes no difference."""
    del at
    match event:
        case UserRegistered(email=email, timezone=timezone):
            return Account(email, timezone)
        case UserChanged(email=email, timezone=timezone):
            return Account(email, timezone)
        case PasswordChanged():
            return state


# Decisions


def register(username: str, email: str | None) -> tuple[AccountEvent, ...]:
    """A new account. That nobody else has the name is the store's to say."""
    return (UserRegistered(username=username, email=email, timezone=DEFAULT_TIMEZONE),)


def change(wanted: Account, now: Account, *, new_password: bool) -> tuple[AccountEvent, ...]:
    """Change address and time zone to what is wanted; a new password is always a change."""
    events: tuple[AccountEvent, ...] = ()
    if wanted != now:
        events += (UserChanged(email=wanted.email, timezone=wanted.timezone),)
    if new_password:
        events += (PasswordChanged(),)
    return events
