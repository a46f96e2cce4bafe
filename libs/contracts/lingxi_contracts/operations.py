"""What an operator asks: every service how it is, every owner to mend its log, gateway its users.

These requests have subjects of their own, `<service>.ops.<name>`, so that the right to send them is
one rule: the operator's, and no service's. Passwords are in no event, log or representation.
"""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from pydantic import Field

from lingxi_contracts.base import Answer, Frozen, Nothing, Request, Text
from lingxi_contracts.errors import Refusal

OWNERS = ("gateway", "chat", "agent", "scheduler")
"""Services with a log."""
SERVICES = (*OWNERS, "summarizer")
GATEWAY = "gateway"

USERS_PAGE_MAX = 200
UNPUBLISHED_COUNTED_MAX = 10_000
"""Rows that wait for the relay are counted up to here."""


class Operation[A: Answer](Request[A]):
    """An operator's request; of any service, unless it names its owner.

    `operation_id` is made by the caller. It has no default on purpose: NATS lets whoever may send
    anything choose where the answer goes, and no answer or event that is led here has one.
    """

    kind = "ops"
    operation_id: UUID


# Services


class ModelStatus(Frozen):
    """Which model a service asks: where (without credentials), and the default model's name."""

    url: str
    name: str


class LogStatus(Frozen):
    """How an owner's log stands.

    `unpublished_seconds` is the age of the oldest row that its stream does not hold yet.
    `erasures_open`: deleted streams whose content is not all erased yet.
    `xmin_age_transactions`: how far the oldest open transaction of the whole cluster holds all
    relays back. `oldest_transaction_seconds`: of those that this service itself has open.
    """

    unpublished_events: int = Field(ge=0, le=UNPUBLISHED_COUNTED_MAX)
    unpublished_seconds: float | None
    xmin_age_transactions: int
    oldest_transaction_seconds: float | None
    erasures_open: int


class ServiceStatus(Answer):
    """How one replica is; `reasons` say, by part, why it is not ready."""

    reasons: dict[str, str]
    log: LogStatus | None = None
    model: ModelStatus | None = None


class GetStatus(Operation[ServiceStatus]):
    """Ask one replica of a service how it is."""

    name = "get_status"


# Owners of a log


class Republished(Answer):
    """The stream was emptied and is being filled; `first_seq` is that of its next message."""

    first_seq: int


class Republish(Operation[Republished]):
    """Empty the owner's stream and fill it again from the log. Answered once it is empty."""

    name = "republish"


class RebuildUnderWay(Refusal):
    """A rebuild of this owner is under way already."""

    code = "rebuild_under_way"


class TablesBusy(Refusal):
    """The read models were never free to be replaced; something holds locks on them for long."""

    code = "tables_busy"


class RebuiltLog(Answer):
    """What a rebuild made again, from how many events.

    `held_off_seconds`: how long appends waited for the swap. Of snapshots, those `replaced` were
    not as the log says, and the `unsettled` kept moving.
    """

    rebuilt: tuple[str, ...]
    events: int
    seconds: float
    held_off_seconds: float = 0.0
    replaced: int = 0
    unsettled: int = 0


class Rebuild(Operation[RebuiltLog]):
    """Make the owner's read models again from its log while it runs; or its snapshots.

    It goes on when nobody waits for the answer any more. Refused: RebuildUnderWay, TablesBusy.
    """

    name = "rebuild"
    snapshots: bool = False


# Users


class UserNotFound(Refusal):
    """There is no such user."""

    code = "user_not_found"


class UsernameTaken(Refusal):
    """Another account has this user name."""

    code = "username_taken"


class UserView(Answer):
    """An account as an operator sees it. `timezone` is an IANA name."""

    user_id: UUID
    username: str
    email: str | None
    timezone: str
    created_at: datetime
    disabled: bool


class UserPage(Answer):
    """Users by id, which is the order of their registration; `next_after` None: the end."""

    results: tuple[UserView, ...]
    next_after: UUID | None


class ListUsers(Operation[UserPage]):
    """A page of the users after one."""

    owner: ClassVar[str] = GATEWAY
    name = "list_users"
    after: UUID | None = None
    limit: int = Field(default=USERS_PAGE_MAX, ge=1, le=USERS_PAGE_MAX)


class FindUser(Operation[UserView]):
    """The user of a name, whatever its case. Refused: UserNotFound."""

    owner: ClassVar[str] = GATEWAY
    name = "find_user"
    username: Text


class CreateUser(Operation[UserView]):
    """Make an account, also where registration is closed. The same `user_id` again is a repeat.

    Refused: UsernameTaken, InvalidInput.
    """

    owner: ClassVar[str] = GATEWAY
    name = "create_user"
    user_id: UUID
    username: Text
    password: Text = Field(repr=False)
    email: Text | None = None


class SetPassword(Operation[UserView]):
    """Give a user a new password; ends all their logins. Refused: UserNotFound, InvalidInput."""

    owner: ClassVar[str] = GATEWAY
    name = "set_password"
    user_id: UUID
    password: Text = Field(repr=False)


class DisableUser(Operation[UserView]):
    """Let a user in no more: ends all their logins, refuses new ones. Refused: UserNotFound."""

    owner: ClassVar[str] = GATEWAY
    name = "disable_user"
    user_id: UUID


class EnableUser(Operation[UserView]):
    """Let a disabled user in again. Refused: UserNotFound."""

    owner: ClassVar[str] = GATEWAY
    name = "enable_user"
    user_id: UUID


class DeleteUser(Operation[Nothing]):
    """Delete a user for good, with all that is theirs. Refused: UserNotFound, for a repeat too."""

    owner: ClassVar[str] = GATEWAY
    name = "delete_user"
    user_id: UUID
