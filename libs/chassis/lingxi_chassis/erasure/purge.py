"""Purging: copies of an erased stream's content leave JetStream.

The log is blank by now, but the relay may have read rows before that. So it must have passed the
tombstone first: what it publishes of the stream after that, healing, it reads from the blank log.
All before the tombstone's sequence goes, so subscribers still hear of the deletion.

Events are deleted one by one, for a purge would leave their bytes in the store's files. Live
signals are in memory alone, and dead letters hold no content: those are purged.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from nats.js import JetStreamContext
from nats.js.errors import NotFoundError

from lingxi_chassis.erasure.queue import Erasure
from lingxi_chassis.jetstream import delete_messages
from lingxi_chassis.postgres import Pool, fetch_all, fetch_one
from lingxi_contracts.subjects import (
    DEAD_LETTERS_STREAM,
    dead_letters_of,
    event_subject,
    events_of_stream,
    stream_name,
)


@dataclass(frozen=True, slots=True)
class LivePurge:
    """A memory stream of live signals: its name, and the subject of one (user, stream id)."""

    stream: str
    subject: Callable[[UUID, UUID], str]


MESSAGES_A_TURN_MAX = 500
"""Of one stream, before others have their turn: some seconds."""

type Outcome = Literal["done", "go on", "later"]
"""How far one turn came: `go on` when others had theirs, `later` when something is not yet so."""


async def purge_events(pool: Pool, js: JetStreamContext, owner: str, erasure: Erasure) -> Outcome:
    """Delete the stream's events before its tombstone, so many a turn; `later`: the relay is not
    that far yet.

    Raises:
        Unavailable, nats.errors.Error: the database or JetStream is away.
    """
    row = await fetch_one(
        pool,
        """
        select e.type, c.stream_created, c.stream_seq from events e, relay_checkpoint c
        where e.stream_id = %(stream_id)s and e.version = %(version)s
          and (c.xid, c.position) >= (e.xid, e.position)
        """,
        {"stream_id": erasure.stream_id, "version": erasure.version},
    )
    if row is None:
        return "later"
    tag, created, passed_seq = row
    stream = stream_name(owner)
    if not await is_same_life(js, stream, created):
        return "later"
    subject = event_subject(owner, tag, erasure.user_id, erasure.stream_id)
    try:
        tombstone_seq = (await js.get_msg(stream, subject=subject)).seq
    except NotFoundError:
        tombstone_seq = None  # the stream has forgotten it, by age
    of_stream = events_of_stream(owner, erasure.user_id, erasure.stream_id)
    end_seq = tombstone_seq or passed_seq + 1
    deleted = await delete_messages(js, stream, of_stream, end_seq, most=MESSAGES_A_TURN_MAX)
    return "done" if deleted < MESSAGES_A_TURN_MAX else "go on"


async def is_same_life(js: JetStreamContext, stream: str, created: str) -> bool:
    """Whether the stream is the checkpoint's; if it has another life, the relay is healing it.

    Raises nats.errors.Error.
    """
    info = await js.stream_info(stream)
    return info.created is not None and info.created.isoformat() == created


async def purge_live(
    js: JetStreamContext, live: Sequence[LivePurge], user_id: UUID, stream_id: UUID
) -> None:
    """Purge live signals. Raises nats.errors.Error."""
    for purge in live:
        try:
            await js.purge_stream(purge.stream, subject=purge.subject(user_id, stream_id))
        except NotFoundError:
            continue  # it was never made, or is lost


async def purge_letters(pool: Pool, js: JetStreamContext, erasure: Erasure) -> None:
    """Drop the dead letters of the stream's events; a stream with the user's own id is the account,
    and takes all letters of the user along.

    Letters about the tombstone stay: they say that a handler could not erase its part, and nothing
    else does.

    Raises:
        Unavailable, nats.errors.Error: the database or JetStream is away.
    """
    try:
        info = await js.stream_info(
            DEAD_LETTERS_STREAM, subjects_filter=dead_letters_of(erasure.user_id)
        )
        for subject in await _without_object(pool, erasure, list(info.state.subjects or {})):
            await js.purge_stream(DEAD_LETTERS_STREAM, subject=subject)
    except NotFoundError:
        return  # nobody ever wrote a letter


async def _without_object(pool: Pool, erasure: Erasure, subjects: Sequence[str]) -> list[str]:
    """Which of these letters are about something that is no more."""
    if not subjects:
        return []
    events = [UUID(subject.rpartition(".")[2]) for subject in subjects]
    rows = await fetch_all(
        pool,
        "select event_id, version from events"
        " where stream_id = %(stream_id)s and event_id = any(%(ids)s)",
        {"stream_id": erasure.stream_id, "ids": events},
    )
    versions: dict[UUID, int] = dict(rows)
    of_others = 0 if erasure.stream_id == erasure.user_id else erasure.version
    return [
        subject
        for subject, event_id in zip(subjects, events, strict=True)
        if versions.get(event_id, of_others) < erasure.version
    ]
