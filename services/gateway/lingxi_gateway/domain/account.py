"""An account: what its log says of it. Passwords and tokens are no part of the log.

Invariants:
1. An account is registered once; its user name never changes.
2. A change that changes nothing is no event.
3. After its deletion an account is as one that never was; its name is free again.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from lingxi_contracts.gateway import (
    PasswordChanged,
    UserChanged,
    UserDeleted,
    UserDisabled,
    UserEnabled,
    UserRegistered,
)

DEFAULT_TIMEZONE = "UTC"

# Events

type AccountEvent = (
    UserRegistered | UserChanged | PasswordChanged | UserDisabled | UserEnabled | UserDeleted
)

# State


@dataclass(frozen=True, slots=True)
class Account:
    """What can change: the address, the time zone (an IANA name), whether they may come in."""

    email: str | None = None
    timezone: str = DEFAULT_TIMEZONE
    disabled: bool = False


def evolve(state: Account, event: AccountEvent, at: datetime) -> Account:
    """The account after an event; when it was makes no difference."""
    del at
    match event:
        case UserRegistered(email=email, timezone=timezone):
            return Account(email, timezone)
        case UserChanged(email=email, timezone=timezone):
            return replace(state, email=email, timezone=timezone)
        case PasswordChanged() | UserDeleted():
            return state
        case UserDisabled():
            return replace(state, disabled=True)
        case UserEnabled():
            return replace(state, disabled=False)


# Decisions


def register(username: str, email: str | None) -> tuple[AccountEvent, ...]:
    """A new account. That nobody else has the name is the store's to say."""
    return (UserRegistered(username=username, email=email, timezone=DEFAULT_TIMEZONE),)


def change(wanted: Account, now: Account, *, new_password: bool) -> tuple[AccountEvent, ...]:
    """Change address and time zone to what is wanted; a new password is always a change."""
    events: tuple[AccountEvent, ...] = ()
    if (wanted.email, wanted.timezone) != (now.email, now.timezone):
        events += (UserChanged(email=wanted.email, timezone=wanted.timezone),)
    if new_password:
        events += (PasswordChanged(),)
    return events


def disable(now: Account) -> tuple[AccountEvent, ...]:
    """Let the user in no more."""
    return () if now.disabled else (UserDisabled(),)


def enable(now: Account) -> tuple[AccountEvent, ...]:
    """Let the user in again."""
    return (UserEnabled(),) if now.disabled else ()


def delete() -> tuple[AccountEvent, ...]:
    """Delete the account for good."""
    return (UserDeleted(),)
