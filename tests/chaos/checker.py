"""Holds journals, history, log and stream against each other. Each finding is one line.

Invariants (architecture 3): nothing accepted is lost; once in the log; order; read models equal the
log; mine only; an error is never a message; turns do not mix.
"""

import asyncio
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import nats
import orjson
import psycopg
from nats.js.api import ConsumerConfig, DeliverPolicy

from lingxi_contracts.envelope import Envelope
from tests.chaos.journal import Journal, Post

MARK = re.compile(r"mark\d+x\d+y")
STREAM_SECONDS_MAX = 30.0
FETCH_SECONDS_MAX = 2.0
TOMBSTONE = "session_deleted.v1"

type Messages = dict[str, list[tuple[int, str, str, str]]]
"""`(seq, message id, author, text)` by session, in order."""


@dataclass(frozen=True, slots=True)
class Logged:
    """One row of chat's log."""

    session_id: str
    version: int
    type: str
    data: dict[str, Any] | None


def read_log(database_url: str) -> list[Logged]:
    """Chat's log, by session and version."""
    with psycopg.connect(database_url) as connection:
        rows = connection.execute(
            "select stream_id::text, version, type, data from events order by stream_id, version"
        ).fetchall()
    return [Logged(*row) for row in rows]


def read_messages(database_url: str) -> Messages:
    """Chat's read model: `(seq, message id, author, text)` by session."""
    with psycopg.connect(database_url) as connection:
        rows = connection.execute(
            "select session_id::text, seq, message_id::text, author, text from messages"
            " order by session_id, seq"
        ).fetchall()
    found: Messages = defaultdict(list)
    for session_id, *message in rows:
        found[session_id].append(tuple(message))
    return found


async def read_stream(nats_url: str, stream: str) -> list[Envelope]:
    """Everything in a stream, in its order."""
    client = await nats.connect(nats_url)
    js = client.jetstream()
    info = await js.stream_info(stream)
    envelopes: list[Envelope] = []
    subscription = await js.pull_subscribe(
        "", stream=stream, config=ConsumerConfig(deliver_policy=DeliverPolicy.ALL)
    )
    # Fewer come than were counted when an erasure deletes some meanwhile.
    with suppress(TimeoutError):
        async with asyncio.timeout(STREAM_SECONDS_MAX):
            while len(envelopes) < info.state.messages:
                for message in await subscription.fetch(500, timeout=FETCH_SECONDS_MAX):
                    envelopes.append(Envelope.model_validate_json(message.data))
                    await message.ack()
    await client.close()
    return envelopes


def check_log(log: Sequence[Logged]) -> Iterable[str]:
    """Versions without gaps; each turn started once and ended once; seq without gaps."""
    by_session: dict[str, list[Logged]] = defaultdict(list)
    for row in log:
        by_session[row.session_id].append(row)
    for session_id, rows in by_session.items():
        if [row.version for row in rows] != list(range(1, len(rows) + 1)):
            yield f"{session_id}: versions have gaps"
        if any(row.type == TOMBSTONE for row in rows):
            continue
        yield from _check_turns(session_id, rows)


@dataclass(slots=True)
class _Telling:
    """A session's story as its log tells it, and what is wrong with it."""

    session_id: str
    posted: dict[str, str] = field(default_factory=dict[str, str])
    answered: set[str] = field(default_factory=set[str])
    open_turn: str | None = None
    bubbles: list[str] = field(default_factory=list[str])
    seq: int = 0
    wrong: list[str] = field(default_factory=list[str])

    def tell(self, row: Logged) -> None:
        """One more event."""
        data = row.data or {}
        match row.type:
            case "message_posted.v1":
                self._numbered(data["seq"])
                self._if(data["message_id"] in self.posted, f"{data['message_id']} posted twice")
                self.posted[data["message_id"]] = data["text"]
            case "turn_started.v1":
                self._if(self.open_turn is not None, "two turns are open")
                self.open_turn, self.bubbles = data["turn_id"], []
            case "message_sent.v1":
                self._numbered(data["seq"])
                self._if(data["turn_id"] != self.open_turn, "a bubble of a turn that is not open")
                self.bubbles.append(data["text"])
            case "turn_completed.v1":
                self._end(data["turn_id"])
                answers = data["answers"]
                self._if(bool(self.answered & set(answers)), "a message was answered twice")
                self.answered |= set(answers)
                said = [self.posted[answer] for answer in answers]
                self.wrong += _check_reply(self.session_id, said, self.bubbles)
            case "turn_failed.v1":
                self._end(data["turn_id"])
            case _:
                pass

    def _numbered(self, seq: int) -> None:
        self.seq += 1
        self._if(seq != self.seq, f"seq {seq} where {self.seq} was due")

    def _end(self, turn_id: str) -> None:
        self._if(turn_id != self.open_turn, "a turn ended that was not open")
        self.open_turn = None

    def _if(self, wrong: bool, what: str) -> None:
        if wrong:
            self.wrong.append(f"{self.session_id}: {what}")


def _check_turns(session_id: str, rows: Sequence[Logged]) -> Iterable[str]:
    telling = _Telling(session_id)
    for row in rows:
        telling.tell(row)
    yield from telling.wrong
    if telling.open_turn is not None:
        yield f"{session_id}: a turn is still open"


def _check_reply(session_id: str, said: Sequence[str], bubbles: Sequence[str]) -> Iterable[str]:
    """The simulator speaks of what it was told: of nobody else's words, and of these."""
    if not said:
        yield f"{session_id}: an answer to nothing"
    marks = {mark for text in said for mark in MARK.findall(text)}
    spoken = {mark for text in bubbles for mark in MARK.findall(text)}
    if spoken - marks:
        yield f"{session_id}: a reply speaks of {spoken - marks}, another user's words"


def check_journal(journal: Journal, messages: Messages) -> Iterable[str]:
    """What a user was told is what there is, once."""
    yield from journal.complaints
    for post in journal.posts:
        if post.told in ("unknown", "pending"):
            yield f"{post.key}: still {post.told} at the end"
        if post.in_session is not None and post.in_session not in journal.deleting:
            yield from _check_post(post, messages.get(post.in_session, []))
    for session_id in journal.deleted & messages.keys():
        yield f"{session_id}: deleted, and {len(messages[session_id])} messages are there"
    for session_id in journal.seen.keys() - journal.deleting:
        there = {row[0]: (row[1], row[3]) for row in messages.get(session_id, [])}
        for seq, message in journal.seen[session_id].items():
            if there.get(seq) != message:
                yield f"{session_id}: message {seq} is not what was shown"


def _check_post(post: Post, there: Sequence[tuple[int, str, str, str]]) -> Iterable[str]:
    same = [row for row in there if row[2] == "user" and row[3] == post.text]
    if len(same) != 1:
        yield f"{post.key}: {len(same)} times in {post.in_session}, accepted once"
    elif same[0][1] != post.message_id:
        yield f"{post.key}: another id than was told"
    texts = {row[1]: row[3] for row in there}
    for message_id, text in post.answer.items():
        if texts.get(message_id) != text:
            yield f"{post.key}: its answer {message_id} is not what was told"


def check_users(journals: Sequence[Journal], messages: Messages) -> Iterable[str]:
    """Each session holds the words of one user; the log holds no post that nobody made."""
    owner = {session: journal.marker for journal in journals for session in journal.sessions}
    for session_id, rows in messages.items():
        marks = {mark for row in rows for mark in MARK.findall(row[3])}
        if len(marks) > 1 or (session_id in owner and marks - {owner[session_id]}):
            yield f"{session_id}: words of several users: {marks}"


def check_read_model(log: Sequence[Logged], messages: Messages) -> Iterable[str]:
    """The messages that readers see are those of the log."""
    said: Messages = defaultdict(list)
    deleted = {row.session_id for row in log if row.type == TOMBSTONE}
    for row in log:
        if row.type in ("message_posted.v1", "message_sent.v1") and row.data is not None:
            author = "user" if row.type == "message_posted.v1" else "agent"
            if row.session_id not in deleted:
                message = (row.data["seq"], row.data["message_id"], author, row.data["text"])
                said[row.session_id].append(message)
    for session_id in said.keys() | messages.keys():
        if said.get(session_id, []) != messages.get(session_id, []):
            yield f"{session_id}: the read model is not the log"


def check_stream(log: Sequence[Logged], stream: Sequence[Envelope]) -> Iterable[str]:
    """The stream holds every row once, each session's in order of version, with the same data.

    Of a deleted session it must hold the tombstone; what came before is deleted, or about to be.
    """
    published: dict[str, list[Envelope]] = defaultdict(list)
    for envelope in stream:
        published[str(envelope.subject)].append(envelope)
    logged: dict[str, list[Logged]] = defaultdict(list)
    for row in log:
        logged[row.session_id].append(row)
    for session_id in logged.keys() | published.keys():
        told = [(one.sequence, one.type) for one in published.get(session_id, [])]
        rows = [(row.version, row.type) for row in logged.get(session_id, [])]
        if rows and rows[-1][1] == TOMBSTONE:
            if told[-1:] != rows[-1:] or told != [row for row in rows if row in set(told)]:
                yield f"{session_id}: deleted, and the stream tells another story: {told}"
        elif told != rows:
            yield f"{session_id}: the stream has {len(told)} events, the log {len(rows)}, or not so"
        else:
            yield from _check_data(published[session_id], logged[session_id])


def _check_data(published: Sequence[Envelope], logged: Sequence[Logged]) -> Iterable[str]:
    for envelope, row in zip(published, logged, strict=True):
        told, kept = (
            orjson.dumps(x, option=orjson.OPT_SORT_KEYS) for x in (envelope.data, row.data)
        )
        if told != kept:
            yield f"{row.session_id}: event {row.version} differs in the stream"


def published_whole(log: Sequence[Logged], stream: Sequence[Envelope]) -> bool:
    """Whether all that stays is published: tombstones, and what is of no deleted session."""
    deleted = {row.session_id for row in log if row.type == TOMBSTONE}
    due = sum(row.session_id not in deleted or row.type == TOMBSTONE for row in log)
    there = sum(str(e.subject) not in deleted or e.type == TOMBSTONE for e in stream)
    return there >= due
