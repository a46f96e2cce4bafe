"""What an operator asks about what was done to accounts, and by whom it was tried.

No names, texts, passwords or tokens: ids, what was done, when, and from which address.
"""

from datetime import datetime
from typing import ClassVar, Literal
from uuid import UUID

from pydantic import Field

from lingxi_contracts.base import Answer, Frozen
from lingxi_contracts.operations import GATEWAY, Operation

AUDIT_PAGE_MAX = 200
NOBODY = UUID(int=0)
"""Whose id stands where nobody is known by the name that was tried."""

type Action = Literal[
    "registered",
    "logged_in",
    "login_failed",
    "login_throttled",
    "login_refused",
    "logged_out",
    "logged_out_everywhere",
    "token_reused",
    "password_changed",
    "password_failed",
    "exported",
    "deleted",
    "created_by_operator",
    "password_set_by_operator",
    "disabled_by_operator",
    "enabled_by_operator",
    "deleted_by_operator",
]
"""`login_refused`: the password was right, the account disabled. `token_reused`: a spent refresh
token was used, and its login ended. `password_failed`: a login tried a wrong current password."""


class AuditEntry(Frozen):
    """The same thing, done `times` from one address within a minute; `at`: the last time."""

    entry_id: int
    at: datetime
    user_id: UUID
    action: str
    times: int = Field(ge=1)
    address: str | None
    correlation_id: str | None


class AuditPage(Answer):
    """Entries, newest first; `next_before` None: that was the last."""

    results: tuple[AuditEntry, ...]
    next_before: int | None


class ListAudit(Operation[AuditPage]):
    """A page of what was done to one account, or to all, before an entry."""

    owner: ClassVar[str] = GATEWAY
    name = "list_audit"
    user_id: UUID | None = None
    before: int | None = None
    limit: int = Field(default=AUDIT_PAGE_MAX, ge=1, le=AUDIT_PAGE_MAX)
