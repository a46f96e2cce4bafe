"""What gateway owns: accounts. Passwords and token hashes are never events.

Stream: one user; its stream id is the user id.
"""

from lingxi_contracts.base import Event, Text, by_tag

OWNER = "gateway"


class UserRegistered(Event):
    """Somebody has an account now."""

    tag = "user_registered.v1"
    username: Text
    email: Text | None
    timezone: str


class UserChanged(Event):
    """The user changed their e-mail address or time zone (an IANA name)."""

    tag = "user_changed.v1"
    email: Text | None
    timezone: str


class PasswordChanged(Event):
    """The user has a new password; tokens from before are no longer valid."""

    tag = "password_changed.v1"


EVENTS = by_tag((UserRegistered, UserChanged, PasswordChanged))
