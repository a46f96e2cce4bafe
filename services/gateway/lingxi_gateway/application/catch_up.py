"""What a client that comes back has missed: events behind its cursor, and a reply under way.

The feed is opened first, so that what comes meanwhile is in its buffer; what is read here is up to
where it was opened, and nothing is told twice or left out.
"""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any, Protocol

import orjson

from lingxi_chassis.rpc import RpcClient
from lingxi_contracts import subjects
from lingxi_contracts.chat import GetSession
from lingxi_contracts.errors import Refusal, Unavailable
from lingxi_gateway.application.feed import Feed, Frame, ResetReason
from lingxi_gateway.application.feeds import UUID_CHARS, Feeds, Rendering
from lingxi_gateway.application.places import SOURCES, Cursor, Source

SESSIONS_SPEAKING_MAX = 16
"""Of one user at a time: replies under way that are told from their beginning."""
DELTAS_MAX = 20_000
"""Of one user in the minutes that live signals are kept; more are not read."""


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
        self, stream: str, subject: str, after_seq: int, up_to_seq: int | None = None
    ) -> AsyncGenerator[tuple[int, str, bytes]]:
        """Sequence, subject and payload of what is stored between two sequences, in order."""
        ...


async def may_resume(events: StoredEvents, feed: Feed, cursor: Cursor) -> ResetReason | None:
    """Whether everything behind the cursor can be told; else why not. Sets the feed's floor.

    Raises:
        Unavailable: JetStream is away.
    """
    for source in SOURCES:
        been, here = cursor.of(source), feed.start.of(source)
        if been.created != here.created:
            return "rebuilt"
        if been.seq == here.seq:
            continue
        stored = await events.stored(subjects.stream_name(source))
        if stored is None or stored.created != been.created or been.seq > stored.last_seq:
            return "rebuilt"
        if been.seq < stored.first_seq - 1:
            return "expired"
        if been.seq > here.seq:
            feed.floor[source] = been.seq
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
        filtered = _subject_of(feed, source)
        if filtered is not None:
            stream = subjects.stream_name(source)
            reading = events.read(stream, filtered, cursor.of(source).seq, until)
            async with aclosing(reading) as stored:
                async for seq, _, payload in stored:
                    told = rendering.event(orjson.loads(payload))
                    at = at.at(source, seq)
                    if told is not None:
                        yield Frame(*told, cursor=str(at))
        at = at.at(source, until)


def _subject_of(feed: Feed, source: Source) -> str | None:
    """The events of a source that a feed is told; None: none of them."""
    listener = feed.listener
    if listener.session_id is None:
        return f"{source}.event.*.{listener.user_id}.*"
    if source == "chat":
        return subjects.events_of_stream(source, listener.user_id, listener.session_id)
    return None


async def replies_under_way(
    events: StoredEvents, rpc: RpcClient, feeds: Feeds, feed: Feed, rendering: Rendering
) -> list[Frame]:
    """What was said so far in turns that are open. Nothing where that cannot be found out."""
    try:
        newest = await _newest_deltas(events, feed)
    except Unavailable:
        return []
    turns = feeds.turns_of(feed.listener.user_id)
    frames: list[Frame] = []
    for session_id in list(newest)[-SESSIONS_SPEAKING_MAX:]:
        deltas = newest[session_id]
        if await _is_open(rpc, feed, session_id, deltas[-1]["turn_id"]):
            frames += [rendering.signal(one) for one in deltas if turns.speaks(one)]
    return frames


async def _newest_deltas(events: StoredEvents, feed: Feed) -> dict[str, list[Mapping[str, Any]]]:
    """What the newest attempt at the newest turn of each session said; who spoke last is last."""
    listener = feed.listener
    subject = subjects.live_subjects_of(listener.user_id, listener.session_id)
    newest: dict[str, list[Mapping[str, Any]]] = {}
    left = DELTAS_MAX
    async with aclosing(events.read(subjects.CHAT_LIVE_STREAM, subject, 0)) as signals:
        async for _, told_on, payload in signals:
            left -= 1
            signal: Mapping[str, Any] = orjson.loads(payload)
            if signal["type"] == "delta":
                session_id = told_on[-UUID_CHARS:]
                deltas = newest.pop(session_id, [])
                _collect(deltas, signal)
                newest[session_id] = deltas
            if left == 0:
                break
    return newest


def _collect(deltas: list[Mapping[str, Any]], delta: Mapping[str, Any]) -> None:
    """Keep the deltas of the newest attempt at the newest turn."""
    if deltas:
        last = deltas[-1]
        if last["turn_id"] == delta["turn_id"] and delta["attempt"] < last["attempt"]:
            return
        if (last["turn_id"], last["attempt"]) != (delta["turn_id"], delta["attempt"]):
            deltas.clear()
    deltas.append(delta)


async def _is_open(rpc: RpcClient, feed: Feed, session_id: str, turn_id: str) -> bool:
    question = GetSession.model_validate(
        {"user_id": feed.listener.user_id, "session_id": session_id}
    )
    try:
        turn = (await rpc.call(question)).turn
    except Refusal:
        return False
    return turn is not None and turn.status == "open" and str(turn.turn_id) == turn_id
