"""Conversations of any length, written straight into chat's log: what talking would have left.

Only the log and the snapshots are written; chat's own rebuild makes the read models from them.
Chat does not run meanwhile. A conversation counts as published long ago, as one from a restored
backup does, unless it is to be published: then it is what the relay finds at chat's next start.
"""

from collections.abc import Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import orjson
import psycopg

from benchmarks.turns import TEXT
from lingxi_chassis.clock import utc_now
from lingxi_chassis.ids import new_id
from lingxi_chassis.postgres import Connection, open_pool
from lingxi_chassis.rebuild import Rebuilt, rebuild_read_models
from lingxi_chat.application.index_messages import index_messages
from lingxi_chat.bootstrap import READ_MODELS
from lingxi_chat.domain.session import NEW, Session, SessionEvent, evolve
from lingxi_chat.projections.recall import unindexed_sessions
from lingxi_chat.projections.sessions import SESSION
from lingxi_contracts.chat import (
    REVIEW_EVERY_MESSAGES,
    SUMMARY_EVERY_MESSAGES,
    MessagePosted,
    MessageSent,
    MessagesRead,
    PersonalityReviewDue,
    SessionStarted,
    SummaryDue,
    SummaryWritten,
    TurnCompleted,
    TurnStarted,
    Usage,
)

REPLY = "That sounds like a fine day. What did you see on the way?"
SUMMARY = "The user walks along the river every day, and the two talk about what there is to see."
TURN_MINUTES = 1
COMMIT_EVENTS = 20_000
"""Of one COPY: a transaction of an owner may take five seconds."""
_COPY = (
    "copy events (xid, event_id, stream_id, version, type, user_id, occurred_at, data, metadata)"
    " from stdin"
)
PUBLISHED_LONG_AGO = "0"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A conversation to write: an even number of messages, half of them the agent's."""

    user_id: UUID
    agent_id: UUID
    messages: int
    to_be_published: bool = False


async def load_sessions(database_url: str, wanted: Sequence[Wanted]) -> list[UUID]:
    """Write conversations into a migrated chat database; their sessions, in order."""
    connection = await psycopg.AsyncConnection.connect(database_url, autocommit=True)
    async with connection:
        sessions = [await _load(connection, one) for one in wanted]
        for table in ("events", "streams"):
            await connection.execute(f"analyze {table}".encode())
    return sessions


def events_of(wanted: Wanted) -> int:
    """How many events such a conversation has."""
    return sum(1 for _ in _conversation(wanted))


async def rebuild(database_url: str) -> Rebuilt:
    """Chat's read models, made from its log; then all messages can be recalled, too."""
    rebuilt = await rebuild_read_models(database_url, READ_MODELS)
    async with open_pool(database_url, 2) as pool, aclosing(unindexed_sessions(pool)) as sessions:
        async for session_id in sessions:
            await index_messages(pool, session_id)
    return rebuilt


async def _load(connection: Connection, wanted: Wanted) -> UUID:
    session_id = new_id()
    state = NEW
    rows: list[tuple[object, ...]] = []
    version = 0
    metadata = orjson.dumps({"correlation_id": str(session_id)}).decode()
    for event, at in _conversation(wanted):
        version += 1
        state = evolve(state, event, at)
        about = (new_id(), session_id, version, event.tag, wanted.user_id, at)
        rows.append((*about, event.model_dump_json(), metadata))
        if len(rows) == COMMIT_EVENTS:
            await _copy(connection, rows, wanted.to_be_published)
            rows = []
    await _copy(connection, rows, wanted.to_be_published)
    await _snapshot(connection, session_id, wanted.user_id, version, state)
    return session_id


def _conversation(wanted: Wanted) -> Iterator[tuple[SessionEvent, datetime]]:
    turns = wanted.messages // 2
    at = utc_now() - timedelta(minutes=TURN_MINUTES * turns)
    yield SessionStarted(agent_id=wanted.agent_id, agent_name="default"), at
    for turn in range(turns):
        at += timedelta(minutes=TURN_MINUTES)
        last_seq = 2 * turn + 2
        for event in _turn(last_seq - 1):
            yield event, at
        if last_seq % SUMMARY_EVERY_MESSAGES == 0:
            yield SummaryDue(to_seq=last_seq), at
        if last_seq % REVIEW_EVERY_MESSAGES == 0:
            yield PersonalityReviewDue(to_seq=last_seq), at
        if last_seq % SUMMARY_EVERY_MESSAGES == 0:
            first_seq = last_seq - SUMMARY_EVERY_MESSAGES + 1
            yield (
                SummaryWritten(
                    covers_from=first_seq, covers_up_to=last_seq, title="Walks", summary=SUMMARY
                ),
                at,
            )


def _turn(seq: int) -> Iterator[SessionEvent]:
    posted = MessagePosted(message_id=new_id(), seq=seq, text=TEXT, request_hash="")
    yield posted
    if seq > 1:
        yield MessagesRead(up_to_seq=seq - 1, unread_count=0)
    turn_id = new_id()
    yield TurnStarted(turn_id=turn_id)
    sent = MessageSent(
        message_id=new_id(), seq=seq + 1, turn_id=turn_id, bubble=0, delay_ms=0, text=REPLY
    )
    yield sent
    yield TurnCompleted(
        turn_id=turn_id,
        answers=(posted.message_id,),
        answers_up_to=seq,
        message_ids=(sent.message_id,),
        attempt=1,
        model="simulator",
        usage=Usage(prompt_tokens=100, completion_tokens=20),
        latency_ms=1,
        personality_version=1,
    )


async def _copy(
    connection: Connection, rows: Sequence[tuple[object, ...]], to_be_published: bool
) -> None:
    async with connection.transaction():
        cursor = await connection.execute("select pg_current_xact_id()::text")
        found = await cursor.fetchone()
        assert found is not None
        xid = found[0] if to_be_published else PUBLISHED_LONG_AGO
        async with cursor.copy(_COPY.encode()) as copy:
            for row in rows:
                await copy.write_row((xid, *row))


async def _snapshot(
    connection: Connection,
    session_id: UUID,
    user_id: UUID,
    version: int,
    state: Session,
) -> None:
    await connection.execute(
        "insert into streams (stream_id, user_id, version, state)"
        " values (%(session_id)s, %(user_id)s, %(version)s, %(state)s::jsonb)",
        {
            "session_id": session_id,
            "user_id": user_id,
            "version": version,
            "state": SESSION.dump_json(state).decode(),
        },
    )
