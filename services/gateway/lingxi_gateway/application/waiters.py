"""Callers that wait for the end of a turn, woken by the events of their session.

The end of a turn comes twice: from the owner itself as soon as it is recorded, which is not certain
to come, and from the stream. The first one counts: told again later, it might be taken for the end
of a turn that answers the same message anew.

Whoever posts a message registers first and posts then, so no end can slip through between. A waiter
for message M collects what the agent says and is woken by the turn's end whose `answers` holds M.
What it was told may still be incomplete (it came in the middle, the tail lost its place): then it
is woken without an outcome and asks the owner, who knows. Nothing here touches the network.
"""

import asyncio
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from prometheus_client import Gauge

from lingxi_contracts.chat import (
    Critical,
    MessageFlagged,
    MessageSent,
    SessionDeleted,
    TurnCompleted,
    TurnFailed,
    TurnStopped,
)
from lingxi_contracts.errors import Unavailable
from lingxi_gateway.application.outcome import Answered, Bubble, Failed

WAITERS_MAX = 10_000
ENDS_REMEMBERED_MAX = 10_000
"""Turns whose end the owner told. The stream tells it too, mostly within moments."""
UUID_CHARS = 36
WAITING = Gauge("lingxi_waiters", "Requests of this replica that wait for the end of a turn")


def _name(tag: str) -> str:
    return tag.partition(".")[0]


MESSAGE_SENT = _name(MessageSent.tag)
TURN_COMPLETED = _name(TurnCompleted.tag)
TURN_FAILED = _name(TurnFailed.tag)
TURN_STOPPED = _name(TurnStopped.tag)
SESSION_DELETED = _name(SessionDeleted.tag)
MESSAGE_FLAGGED = _name(MessageFlagged.tag)
HEARD = (MESSAGE_SENT, MESSAGE_FLAGGED, TURN_COMPLETED, TURN_FAILED, TURN_STOPPED, SESSION_DELETED)
"""The names of the events that waiters need; others may be dispatched and are passed over."""


class Waiter:
    """One caller, waiting for what becomes of one message."""

    __slots__ = ("_outcome", "_woken", "critical", "message_id")

    def __init__(self, message_id: str) -> None:
        self.message_id = message_id
        self.critical: Critical | None = None
        """What was said about the message, if it was flagged."""
        self._woken = asyncio.Event()
        self._outcome: Answered | Failed | None = None

    @property
    def woken(self) -> bool:
        """There is something to take by `wait`."""
        return self._woken.is_set()

    def wake(self, outcome: Answered | Failed | None) -> None:
        """Tell the outcome; None: something happened, ask the owner."""
        self._outcome = outcome or self._outcome
        self._woken.set()

    async def wait(self, seconds_max: float) -> Answered | Failed | None:
        """The outcome; None: after `seconds_max`, or earlier, when the owner is to be asked."""
        try:
            async with asyncio.timeout(seconds_max):
                await self._woken.wait()
        except TimeoutError:
            return None
        self._woken.clear()
        return self._outcome


@dataclass(slots=True)
class _Watched:
    """A session somebody waits in, with what the agent said so far in its newest turn."""

    waiters: list[Waiter] = field(default_factory=list[Waiter])
    turn_id: str = ""
    bubbles: dict[str, Bubble] = field(default_factory=dict[str, Bubble])


class Waiters:
    """All waiters of this gateway, by session; at most `waiters_max`."""

    def __init__(self, waiters_max: int = WAITERS_MAX) -> None:
        self._waiters_max = waiters_max
        self._sessions: dict[str, _Watched] = {}
        self._ended: dict[str, None] = {}
        self.count = 0
        self.finished = False
        """Nobody is to wait any longer: the process stops."""

    @property
    def sessions(self) -> int:
        """In how many sessions somebody waits."""
        return len(self._sessions)

    @contextmanager
    def waiting(self, session_id: UUID, message_id: UUID) -> Generator[Waiter]:
        """A waiter for one message, registered while the context is open.

        Raises:
            Unavailable: `waiters_max` callers wait already.
        """
        if self.count >= self._waiters_max:
            raise Unavailable
        key = str(session_id)
        waiter = Waiter(str(message_id))
        self._sessions.setdefault(key, _Watched()).waiters.append(waiter)
        self.count += 1
        try:
            yield waiter
        finally:
            self.count -= 1
            watched = self._sessions[key]
            watched.waiters.remove(waiter)
            if not watched.waiters:
                del self._sessions[key]

    def dispatch(self, subject: str, envelope: bytes) -> None:
        """Take one event of chat: `chat.event.<name>.<user>.<session>`, in the order of the stream.

        Nothing is parsed unless somebody waits in the session.
        """
        watched = self._sessions.get(subject[-UUID_CHARS:])
        if watched is None:
            return
        name = subject.split(".", 3)[2]
        if name in HEARD:
            event = orjson.loads(envelope)
            data = event["data"]
            if data is None or data.get("turn_id") not in self._ended:
                _take(watched, name, event)

    def ended(self, subject: str, events: bytes) -> None:
        """Take what the owner tells of a turn's end: `chat.ended.<session>.<turn>`."""
        _, _, session_id, turn_id = subject.split(".")
        self._ended[turn_id] = None
        if len(self._ended) > ENDS_REMEMBERED_MAX:
            del self._ended[next(iter(self._ended))]
        watched = self._sessions.get(session_id)
        if watched is None:
            return
        for event in orjson.loads(events):
            name = _name(event["type"])
            if name in HEARD:
                _take(watched, name, event)

    async def measure(self) -> None:
        """A reading (`lingxi_chassis.readings`)."""
        WAITING.set(self.count)

    def finish(self) -> None:
        """Send everybody home with what is known."""
        self.finished = True
        self.doubt()

    def doubt(self) -> None:
        """Events may have been missed: every waiter asks the owner."""
        for watched in self._sessions.values():
            for waiter in watched.waiters:
                waiter.wake(None)


def _take(watched: _Watched, name: str, envelope: Mapping[str, Any]) -> None:
    data: Mapping[str, Any] | None = envelope["data"]
    if data is None or name == SESSION_DELETED:  # its content is erased
        for waiter in watched.waiters:
            waiter.wake(None)
    elif name == MESSAGE_FLAGGED:
        for waiter in watched.waiters:
            if waiter.message_id == data["message_id"]:
                waiter.critical = Critical.model_validate(data)
    elif name == MESSAGE_SENT and data["turn_id"] is None:
        return  # the agent wrote by itself: no answer
    elif name == MESSAGE_SENT:
        if watched.turn_id != data["turn_id"]:
            watched.turn_id = data["turn_id"]
            watched.bubbles.clear()
        watched.bubbles[data["message_id"]] = _bubble(envelope["time"], data)
    else:
        outcome = _failed(data) if name == TURN_FAILED else _completed(watched, data)
        answers = frozenset(data["answers"])
        for waiter in watched.waiters:
            if waiter.message_id in answers:
                waiter.wake(outcome)


def _bubble(time: str, data: Mapping[str, Any]) -> Bubble:
    return Bubble(
        message_id=data["message_id"],
        text=data["text"],
        seq=data["seq"],
        place=data["bubble"],
        delay_ms=data["delay_ms"],
        sent_at=datetime.fromisoformat(time),
    )


def _completed(watched: _Watched, data: Mapping[str, Any]) -> Answered | None:
    """The answer, a stopped one too; None if not all of it was seen, or nothing was said."""
    said = watched.bubbles if watched.turn_id == data["turn_id"] else {}
    ids: list[str] = data["message_ids"]
    if not ids or not said.keys() >= set(ids):
        return None
    bubbles = tuple(said[one] for one in ids)
    return Answered(data["turn_id"], bubbles, tuple(data.get("news", ())))


def _failed(data: Mapping[str, Any]) -> Failed:
    return Failed(data["turn_id"], data["code"], data["detail"], data["retryable"])
