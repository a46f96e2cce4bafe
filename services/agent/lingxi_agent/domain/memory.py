"""A memory: something an agent knows about its user, and the messages that say so.

Invariants:
1. What the user wrote is changed by the user alone.
2. What was learned rests on messages, at most `EVIDENCE_MAX`, and is in the words of the first;
   with that one, or its session, it is forgotten. What the user wrote stays.
3. An event tells something new: a command already in effect decides nothing.
4. What is forgotten is as one that never was, and is never recorded again.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import assert_never
from uuid import UUID

from lingxi_contracts.agent import (
    EVIDENCE_MAX,
    Evidence,
    MemoryChanged,
    MemoryForgotten,
    MemoryRecorded,
)

type MemoryEvent = MemoryRecorded | MemoryChanged | MemoryForgotten
type Events = tuple[MemoryEvent, ...]


# State


@dataclass(frozen=True, slots=True)
class Memory:
    """A memory that is kept. Where there is none, not yet or no longer, the state is None."""

    agent_id: UUID
    text: str
    evidence: tuple[Evidence, ...]
    by_user: bool
    recorded_at: datetime
    changed_at: datetime


def evolve(memory: Memory | None, event: MemoryEvent, at: datetime) -> Memory | None:
    """The memory after an event; what happens to no memory changes nothing."""
    if isinstance(event, MemoryRecorded):
        return Memory(event.agent_id, event.text, event.evidence, False, at, at)
    if memory is None:
        return None
    match event:
        case MemoryChanged():
            return replace(
                memory,
                text=event.text,
                evidence=event.evidence,
                by_user=event.by_user,
                changed_at=at,
            )
        case MemoryForgotten():
            return None
        case _:
            assert_never(event)


# Decisions


def record(agent_id: UUID, text: str, evidence: tuple[Evidence, ...]) -> Events:
    """The agent learned something new."""
    return (MemoryRecorded(agent_id=agent_id, text=text, evidence=evidence[:EVIDENCE_MAX]),)


def change(memory: Memory, text: str) -> Events:
    """The user says it in their words, from now on."""
    if memory.by_user and memory.text == text:
        return ()
    return (_changed(memory, text, memory.evidence, by_user=True),)


def correct(memory: Memory, text: str, evidence: tuple[Evidence, ...]) -> Events:
    """Something more exact was learned; what says so now stands before what said so earlier."""
    if memory.by_user or memory.text == text:
        return ()
    earlier = tuple(one for one in memory.evidence if one not in evidence)
    return (_changed(memory, text, (*evidence, *earlier)[:EVIDENCE_MAX], by_user=False),)


def drop_session(memory: Memory, session_id: UUID) -> Events:
    """A session is gone, and is no evidence any more; what it said in its words goes with it, also
    where another said something like it earlier."""
    return _left_with(memory, [one for one in memory.evidence if one.session_id != session_id])


def drop_messages(memory: Memory, message_ids: Collection[UUID]) -> Events:
    """Messages were replaced by others, and are no evidence any more: as with a session."""
    return _left_with(memory, [one for one in memory.evidence if one.message_id not in message_ids])


def _left_with(memory: Memory, evidence: Sequence[Evidence]) -> Events:
    left = tuple(evidence)
    if left == memory.evidence:
        return ()
    if memory.by_user or memory.evidence[:1] == left[:1]:
        return (_changed(memory, memory.text, left, by_user=memory.by_user),)
    return forget(memory)


def forget(memory: Memory) -> Events:
    """It is gone for good."""
    return (MemoryForgotten(agent_id=memory.agent_id),)


def _changed(
    memory: Memory, text: str, evidence: tuple[Evidence, ...], *, by_user: bool
) -> MemoryChanged:
    return MemoryChanged(agent_id=memory.agent_id, text=text, evidence=evidence, by_user=by_user)
