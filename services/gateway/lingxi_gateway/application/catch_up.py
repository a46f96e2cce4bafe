"""What a client that comes back has missed: events behind its cursor, and a reply under way.

The feed is opened first, so that what comes meanwhile is in its buffer; what is read here is up to
where it was opened, and nothing is told twice or left out.
"""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

import orjson

from lingxi_chassis.rpc import RpcClient
from lingxi_contracts import subjects
from lingxi_contracts.chat import GetSession
from lingxi_contracts.errors import SessionNotFound, Unavailable
from lingxi_gateway.application.feed import Feed, Frame, ResetReason
from lingxi_gateway.application.feeds import UUID_CHARS, Feeds, Rendering, session_of
from lingxi_gateway.application.places import SOURCES, Cursor, Source
from lingxi_gateway.application.turns import Turns

SESSIONS_SPEAKING_MAX = 16
"""Of one user at a time: replies under way that are told from their beginning."""
DELTAS_MAX = 20_000
"""Of one turn; more are not told again."""
CLOCK_SKEW = timedelta(seconds=10)
"""Between who made a turn's id and the server that keeps its signals."""
UUID_VERSION_WITH_TIME = 7


class Stored(Protocol):
    """What a stream holds right now."""

    @property
    def created(self) -> int: ...
    @property
    def first_seq(self) -> int: ...
    @property
    def last_seq(self) -> int: ...


class StoredEvents(Protocol):
    """Reads what streams hold. Raises `Unavailable`."""

    async def stored(self, stream: str) -> Stored | None:
        """What the stream holds; None: there is none."""
        ...

    def read(
        self,
        stream: str,
        subject: str,
        *,
        after_seq: int = 0,
        up_to_seq: int | None = None,
        since: datetime | None = None,
    ) -> AsyncGenerator[tuple[int, str, bytes]]:
        """Sequence, subject and payload of what is stored, in order."""
        ...

    def newest(self, stream: str, subject: str) -> AsyncGenerator[tuple[int, str, bytes]]:
        """The newest message of each subject that matches."""
        ...


async def may_resume(events: StoredEvents, feed: Feed, cursor: Cursor) -> ResetReason | None:
    """Whether everything behind the cursor can be told; else why not. Sets the feed's floor.

    Raises:
        Unavailable: JetStream is away.
    """
    # Before anything is waited for: meanwhile events come, and some of them the client has.
    for source in SOURCES:
        if cursor.of(source).seq > feed.start.of(source).seq:
            feed.floor[source] = cursor.of(source).seq
    for source in SOURCES:
        been, here = cursor.of(source), feed.start.of(source)
        if been.life != here.life:
            return "rebuilt"
        if been.seq == here.seq:
            continue
        stored = await events.stored(subjects.stream_name(source))
        if stored is None or stored.created != been.created or been.seq > stored.last_seq:
            return "rebuilt"
        if been.seq < stored.first_seq - 1:
            return "expired"
    return None


async def missed_events(
    events: StoredEvents, feed: Feed, cursor: Cursor, rendering: Rendering
) -> AsyncGenerator[Frame]:
    """The events between the cursor and where the feed was opened.

    Raises:
        Unavailable: JetStream is away, or forgot them meanwhile.
    """
    at = cursor
    for source in SOURCES:
        until = feed.start.of(source).seq
        if cursor.of(source).seq >= until:
            continue
        stream, filtered = subjects.stream_name(source), _subject_of(feed, source)
        after = cursor.of(source).seq
        reading = events.read(stream, filtered, after_seq=after, up_to_seq=until)
        async with aclosing(reading) as stored:
            async for seq, told_on, payload in stored:
                if not feed.wants(session_of(told_on, payload)):
                    continue
                told = rendering.event(orjson.loads(payload))
                at = at.at(source, seq)
                if told is not None:
                    yield Frame(*told, cursor=str(at))
        at = at.at(source, until)


def _subject_of(feed: Feed, source: Source) -> str:
    """Where the events of a source are that a feed is told; of agents, others are there too."""
    listener = feed.listener
    if listener.session_id is None or source == "agent":
        return f"{source}.event.*.{listener.user_id}.*"
    return subjects.events_of_stream(source, listener.user_id, listener.session_id)


async def replies_under_way(
    events: StoredEvents, rpc: RpcClient, feeds: Feeds, feed: Feed, rendering: Rendering
) -> list[Frame]:
    """What was said so far in turns that are open. Nothing where that cannot be found out."""
    turns = feeds.turns_of(feed.listener.user_id)
    frames: list[Frame] = []
    try:
        for session_id in await _sessions_speaking(events, turns, feed):
            turn_id = await _open_turn(rpc, feed, session_id)
            if turn_id is not None:
                deltas = await _deltas(events, feed, session_id, turn_id)
                frames += [rendering.signal(one) for one in deltas if turns.speaks(one)]
    except Unavailable:
        return []
    return frames


async def _sessions_speaking(events: StoredEvents, turns: Turns, feed: Feed) -> list[UUID]:
    """Where somebody speaks or types, or did a moment ago, as far as is known."""
    listener = feed.listener
    subject = subjects.live_subjects_of(listener.user_id, listener.session_id)
    found: list[UUID] = []
    async with aclosing(events.newest(subjects.CHAT_LIVE_STREAM, subject)) as newest:
        async for _, told_on, payload in newest:
            if not turns.has_ended(orjson.loads(payload).get("turn_id")):
                found.append(UUID(told_on[-UUID_CHARS:]))
    return found[-SESSIONS_SPEAKING_MAX:]


async def _open_turn(rpc: RpcClient, feed: Feed, session_id: UUID) -> UUID | None:
    question = GetSession(user_id=feed.listener.user_id, session_id=session_id)
    try:
        turn = (await rpc.call(question)).turn
    except SessionNotFound:
        return None
    return turn.turn_id if turn is not None and turn.status == "open" else None


async def _deltas(
    events: StoredEvents, feed: Feed, session_id: UUID, turn_id: UUID
) -> list[Mapping[str, Any]]:
    """What the newest attempt at a turn said so far."""
    subject = subjects.live_subject(feed.listener.user_id, session_id)
    since = begun_at(turn_id)
    reading = events.read(subjects.CHAT_LIVE_STREAM, subject, since=since)
    deltas: list[Mapping[str, Any]] = []
    async with aclosing(reading) as signals:
        async for _, _, payload in signals:
            signal: Mapping[str, Any] = orjson.loads(payload)
            if signal.get("turn_id") != str(turn_id):
                continue
            if deltas and signal["attempt"] > deltas[-1]["attempt"]:
                deltas.clear()
            if not deltas or signal["attempt"] == deltas[-1]["attempt"]:
                deltas.append(signal)
            if len(deltas) >= DELTAS_MAX:
                break
    return deltas


def begun_at(turn_id: UUID) -> datetime | None:
    """Since when a turn can have spoken, by its id; None: the id does not tell."""
    if turn_id.version != UUID_VERSION_WITH_TIME:
        return None
    return datetime.fromtimestamp((turn_id.int >> 80) / 1000, UTC) - CLOCK_SKEW
