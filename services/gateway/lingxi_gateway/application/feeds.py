"""All feeds of this gateway, told by the two tails and by live signals.

Invariants:

1. A feed that was opened is told every event behind its `start`, in order, or a `reset`.
2. Nothing is parsed unless a feed of the user wants it; nothing here touches the network.
3. A delta of a lower attempt than was told, or of a turn whose end was told, is passed over.
4. Whoever listens while a stream is filled anew is told `reset`, and reads it all; what is filled
   in again is not told as new.
"""

import asyncio
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import UUID

import orjson
from prometheus_client import Gauge

from lingxi_contracts.errors import Unavailable
from lingxi_gateway.application.feed import Feed, Frame, Listener, RenderReset
from lingxi_gateway.application.places import SOURCES, Cursor, Place, Source
from lingxi_gateway.application.refills import Refills
from lingxi_gateway.application.turns import Turns
from lingxi_gateway.domain.refusals import TooManyRequests

FEEDS_MAX = 10_000
FEEDS_PER_USER_MAX = 50
BEGIN_SECONDS_MAX = 5.0
"""How long whoever comes while this process starts waits for the streams to be seen: more than
passes between two looks at a stream that is not there yet."""
UUID_CHARS = 36
TURN_ENDS = frozenset(("turn_completed", "turn_failed", "turn_stopped"))
OF_A_SESSION = frozenset(("personality_suggested", "personality_suggestion_closed"))
"""Events of agents that belong to a session, which is in their data."""

OPEN = Gauge("lingxi_feeds_open", "Feeds of this replica, those of streamed answers too")
MAX = Gauge("lingxi_feeds_max", "As many feeds it takes")

type Envelope = Mapping[str, Any]


class Rendering(Protocol):
    """How things are told to clients."""

    def event(self, envelope: Envelope) -> tuple[str, bytes] | None:
        """Name and data of an event; None: clients are not told of it."""
        ...

    def signal(self, signal: Mapping[str, Any]) -> Frame:
        """The frame of a live signal."""
        ...

    @property
    def reset(self) -> RenderReset:
        """The frame of a reset."""
        ...


@dataclass(slots=True)
class _User:
    """The feeds of one user, and what they were told about turns."""

    feeds: list[Feed] = field(default_factory=list[Feed])
    turns: Turns = field(default_factory=Turns)


class Feeds:
    """See the module. `place_of` is where the tail of a source stands; None: nowhere yet."""

    def __init__(self, rendering: Rendering, place_of: Callable[[Source], Place | None]) -> None:
        self._rendering = rendering
        self._place_of = place_of
        self._users: dict[str, _User] = {}
        self._lives: dict[Source, tuple[int, int]] = {}
        self._refills = Refills()
        self._begun = asyncio.Event()
        self.count = 0

    async def begin(self) -> None:
        """Wait until the streams were seen, though not for long; to be called before `open`."""
        if not self._begun.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(BEGIN_SECONDS_MAX):
                    await self._begun.wait()

    @contextmanager
    def open(self, listener: Listener) -> Generator[Feed]:
        """A feed that is told everything from now on, while the context is open.

        Raises:
            Unavailable: there are `FEEDS_MAX` feeds, or the streams were never seen (`begin`).
            TooManyRequests: the user has `FEEDS_PER_USER_MAX`.
        """
        key = str(listener.user_id)
        start = self.here()
        if self.count >= FEEDS_MAX or start is None:
            raise Unavailable
        user = self._users.setdefault(key, _User())
        if len(user.feeds) >= FEEDS_PER_USER_MAX:
            raise TooManyRequests
        feed = Feed(listener, start, self._rendering.reset)
        user.feeds.append(feed)
        self.count += 1
        try:
            yield feed
        finally:
            self.count -= 1
            user.feeds.remove(feed)
            if not user.feeds:
                del self._users[key]

    async def measure(self) -> None:
        """A reading (`lingxi_chassis.readings`)."""
        OPEN.set(self.count)
        MAX.set(FEEDS_MAX)

    def here(self) -> Cursor | None:
        """Where the feeds are; None: a stream was never seen."""
        places = {source: self._place_of(source) for source in SOURCES}
        chat, agent = places["chat"], places["agent"]
        return Cursor(chat, agent) if chat and agent else None

    def all(self) -> list[Feed]:
        """Every open feed."""
        return [feed for user in self._users.values() for feed in user.feeds]

    def turns_of(self, user_id: UUID) -> Turns:
        """What the user's feeds were told about turns."""
        user = self._users.get(str(user_id))
        return user.turns if user else Turns()

    def dispatch(self, source: Source, subject: str, payload: bytes) -> None:
        """Take one event: `<owner>.event.<name>.<user>.<stream>`, in the order of the stream."""
        user = self._users.get(_user_of(subject))
        if user is None:
            return
        session_id = session_of(subject, payload)
        feeds = [
            feed for feed in user.feeds if not feed.listener.live_only and feed.wants(session_id)
        ]
        name = _name_of(subject)
        if not feeds and name not in TURN_ENDS:
            return
        envelope: Envelope = orjson.loads(payload)
        if name in TURN_ENDS and envelope["data"] is not None:
            user.turns.end(envelope["data"]["turn_id"])
        if not feeds or self._refills.repeats(source, envelope):
            return
        told = self._rendering.event(envelope)
        at = self.here()
        if told is None or at is None:
            return
        self._refills.told(envelope["id"])
        frame = Frame(*told, cursor=str(at))
        for feed in feeds:
            feed.put(frame, source, at)

    def signal(self, subject: str, payload: bytes) -> None:
        """Take one live signal: `chat.live.<user>.<session>`."""
        user = self._users.get(_user_of(subject))
        if user is None:
            return
        session_id = _last_of(subject)
        feeds = [feed for feed in user.feeds if feed.wants(session_id)]
        if not feeds:
            return
        signal: Mapping[str, Any] = orjson.loads(payload)
        if signal["type"] == "delta" and not user.turns.speaks(signal):
            return
        frame = self._rendering.signal(signal)
        for feed in feeds:
            feed.put_live(frame)

    def gap(self, source: Source) -> None:
        """The tail of a source lost its place and goes on from where it is now."""
        place = self._place_of(source)
        before = self._lives.get(source)
        if place is not None:
            self._lives[source] = place.life
        if self.here() is not None:
            self._begun.set()
        if before is None or place is None:
            return  # it begins, and nobody listens
        rebuilt = before != place.life
        if rebuilt:
            self._refills.begin(source)
        at = self.here()
        if at is not None:
            for feed in self.all():
                feed.reset("rebuilt" if rebuilt else "expired", at)

    def finish(self) -> None:
        """End every feed: the process stops. A streamed answer ends with its waiter, in its own
        words."""
        for feed in self.all():
            if not feed.listener.live_only:
                feed.end()


def session_of(subject: str, payload: bytes) -> str | None:
    """The session that an event belongs to; None: to none, or it is erased."""
    if subject.startswith("chat."):
        return _last_of(subject)
    if _name_of(subject) not in OF_A_SESSION:
        return None
    data = orjson.loads(payload)["data"]
    return data["session_id"] if data else None


def _name_of(subject: str) -> str:
    return subject.split(".", 3)[2]


def _user_of(subject: str) -> str:
    return subject[-2 * UUID_CHARS - 1 : -UUID_CHARS - 1]


def _last_of(subject: str) -> str:
    return subject[-UUID_CHARS:]
