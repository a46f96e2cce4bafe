"""A stream as a command sees it."""

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Snapshot[S]:
    """A stream's state at a version. Version 0: it does not exist yet."""

    stream_id: UUID
    user_id: UUID
    version: int
    state: S
