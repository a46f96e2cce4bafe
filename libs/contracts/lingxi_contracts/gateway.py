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


class UserDisabled(Event):
    """An operator lets the user in no more; what is theirs stays."""

    tag = "user_disabled.v1"


class UserEnabled(Event):
    """An operator lets the user in again."""

    tag = "user_enabled.v1"


class UserDeleted(Event):
    """The user is gone for good, and with them all that is theirs: delete what you copied."""

    tag = "user_deleted.v1"


EVENTS = by_tag(
    (UserRegistered, UserChanged, PasswordChanged, UserDisabled, UserEnabled, UserDeleted)
)
