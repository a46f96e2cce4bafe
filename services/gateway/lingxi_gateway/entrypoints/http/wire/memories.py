"""Memories, as clients see them."""

from datetime import datetime
from uuid import UUID

from pydantic import Field

from lingxi_contracts.agent import Evidence, MemoryText, MemoryView
from lingxi_gateway.entrypoints.http.wire.base import Shape, absent_if_none


class Memory(Shape):
    """Something that an agent knows about its user."""

    id: UUID
    text: str
    evidence: tuple[Evidence, ...] = Field(description="The messages that say so.")
    by_user: bool = Field(description="The user wrote it so: nothing that is learned changes it.")
    created_at: datetime | None = absent_if_none("Not where the feed tells a change.")
    updated_at: datetime


class MemoryBody(Shape):
    """A memory in the user's words."""

    text: MemoryText = Field(examples=["Gets up at six."])


class Memories(Shape):
    """All that an agent knows about its user, oldest first."""

    results: list[Memory]


def memory(view: MemoryView) -> Memory:
    """A memory."""
    return Memory(
        id=view.memory_id,
        text=view.text,
        evidence=view.evidence,
        by_user=view.by_user,
        created_at=view.created_at,
        updated_at=view.updated_at,
    )
