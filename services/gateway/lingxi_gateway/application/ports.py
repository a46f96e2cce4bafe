"""What the application needs from outside, by protocol; `adapters` implements it."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sent a request: a user, through one login (family), until the token ends."""

    user_id: UUID
    family_id: UUID
    expires_at: datetime
