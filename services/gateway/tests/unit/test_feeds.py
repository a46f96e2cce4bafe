"""Feeds in memory: bounds, places, whose is whose, and which events clients are told of."""

import asyncio
import json
from collections.abc import Generator
from contextlib import ExitStack
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID

import orjson
import pytest

from lingxi_chassis.clock import monotonic, utc_now
from lingxi_chassis.fillings import FILLING_SEQS
from lingxi_chassis.ids import new_id
from lingxi_contracts import agent, chat
from lingxi_contracts.errors import Unavailable
from lingxi_contracts.subjects import event_subject, live_subject
from lingxi_gateway.adapters.streams import Stored
from lingxi_gateway.application import feed as feed_module, feeds as feeds_module
from lingxi_gateway.application.catch_up import StoredEvents, may_resume
from lingxi_gateway.application.feed import Feed, Frame, Listener
from lingxi_gateway.application.feeds import Feeds
from lingxi_gateway.application.places import Cursor, Place, Source
from lingxi_gateway.domain.refusals import TooManyRequests
from lingxi_gateway.entrypoints.http.wire.feed import FeedFrames
from lingxi_gateway.entrypoints.http.wire.frames import FRAMES, UNTOLD

USER, OTHER, SESSION = new_id(), new_id(), new_id()
ALL_BYTES = 1 << 30


class Told:
    """Feeds, and the two tails that tell them."""

    def __init__(self) -> None:
        self.places: dict[Source, Place] = {"chat": Place(1, 10), "agent": Place(2, 20)}
        self.feeds = Feeds(FeedFrames("m"), self.places.get)
        self.stack = ExitStack()
        for source in self.places:
            self.feeds.gap(source)

    def open(self, user: UUID = USER, session: UUID | None = None, **more: Any) -> Feed:
        """A feed of somebody."""
        listener = Listener(user, new_id(), 0, session, **more)
        return self.stack.enter_context(self.feeds.open(listener))

    def rename(self, title: str, user: UUID = USER, session: UUID = SESSION, **more: Any) -> None:
        """The next event of chat."""
        self.tell(session, "session_renamed.v1", {"title": title}, user, **more)

    def tell(
        self,
        session: UUID,
        tag: str,
        data: dict[str, Any] | None,
        user: UUID = USER,
        *,
        at: datetime | None = None,
        event_id: str | None = None,
    ) -> None:
        """Any event of chat."""
        place = self.places["chat"]
        self.places["chat"] = Place(place.created, place.seq + 1)
        envelope = {
            "id": event_id or new_id(),
            "source": "/lingxi/chat",
            "type": tag,
            "subject": session,
            "time": at or utc_now(),
            "userid": user,
            "sequence": "1",
            "position": "1",
            "data": data,
        }
        subject = event_subject("chat", tag, user, session)
        self.feeds.dispatch("chat", subject, orjson.dumps(envelope))


@pytest.fixture
def told() -> Generator[Told]:
    telling = Told()
    with telling.stack:
        yield telling
    assert telling.feeds.count == 0


def titles(frames: list[Frame]) -> list[str]:
    """What sessions were renamed to."""
    return [json.loads(one.data)["title"] for one in frames if one.event == "session_renamed"]


def test_everything_behind_its_start_in_order_with_its_place(told: Told) -> None:
    told.rename("before")
    feed = told.open()
    assert feed.start == Cursor(Place(1, 11), Place(2, 20))
    told.rename("one")
    told.rename("two")
    frames = feed.take(ALL_BYTES)
    assert titles(frames) == ["one", "two"]
    assert [one.cursor for one in frames] == ["1-12.2-20", "1-13.2-20"]
    assert feed.take(ALL_BYTES) == []


def test_nobody_hears_of_others_or_of_other_sessions(told: Told) -> None:
    """Guards `Feeds.dispatch`, which goes by the user in the subject."""
    mine, theirs, narrow = told.open(), told.open(OTHER), told.open(session=SESSION)
    told.rename("mine", session=new_id())
    told.rename("here")
    told.rename("theirs", user=OTHER)
    assert titles(mine.take(ALL_BYTES)) == ["mine", "here"]
    assert titles(narrow.take(ALL_BYTES)) == ["here"]
    assert titles(theirs.take(ALL_BYTES)) == ["theirs"]


def test_nothing_is_parsed_for_nobody(told: Told) -> None:
    told.feeds.dispatch("chat", event_subject("chat", "session_renamed.v1", USER, SESSION), b"?")
    told.feeds.signal(live_subject(USER, SESSION), b"?")
    feed = told.open(OTHER)
    told.feeds.dispatch("chat", event_subject("chat", "session_renamed.v1", USER, SESSION), b"?")
    assert feed.take(ALL_BYTES) == []


def test_a_full_buffer_is_an_overflow_and_goes_on(
    told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards `BUFFER_FRAMES_MAX` in `Feed._append`."""
    monkeypatch.setattr(feed_module, "BUFFER_FRAMES_MAX", 3)
    feed = told.open()
    for number in range(4):
        told.rename(str(number))
    told.rename("after")
    reset, after = feed.take(ALL_BYTES)
    assert (reset.event, json.loads(reset.data)["reason"]) == ("reset", "overflow")
    assert reset.cursor == "1-14.2-20"
    assert titles([after]) == ["after"]


def test_a_buffer_is_bounded_in_bytes_too(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_module, "BUFFER_BYTES_MAX", 1_000)
    feed = told.open()
    for _ in range(10):
        told.rename("x" * 60)
    frames = feed.take(ALL_BYTES)
    assert [one.event for one in frames].count("reset") == 1
    assert sum(len(one.data) for one in frames) <= 1_000


def test_live_signals_give_way_first(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_module, "LIVE_FRAMES_MAX", 2)
    feed = told.open()
    typing = {"type": "typing", "session_id": str(SESSION), "who": "user", "until": "x"}
    for _ in range(5):
        told.feeds.signal(live_subject(USER, SESSION), orjson.dumps(typing))
    told.rename("still")
    assert [one.event for one in feed.take(ALL_BYTES)] == ["typing", "typing", "session_renamed"]


def test_what_another_replica_told_is_not_told_again(told: Told) -> None:
    feed = told.open()
    feed.floor["chat"] = 12
    told.rename("eleven")
    told.rename("twelve")
    told.rename("thirteen")
    (frame,) = feed.take(ALL_BYTES)
    assert titles([frame]) == ["thirteen"]
    assert frame.cursor == "1-13.2-20"


def test_after_a_reset_everything_is_told(told: Told) -> None:
    """Guards `Feed.reset`: what another replica told was in the stream's former life."""
    feed = told.open()
    feed.floor["chat"] = 12
    told.places["chat"] = Place(9, 0)
    told.feeds.gap("chat")
    told.rename("now")
    reset, after = feed.take(ALL_BYTES)
    assert reset.cursor == "9-0.2-20"
    assert titles([after]) == ["now"]
    assert after.cursor == "9-1.2-20"


async def test_nor_what_comes_while_the_client_is_looked_up(told: Told) -> None:
    feed = told.open()

    class Streams:
        """Slow enough that two events come while it is asked."""

        async def stored(self, _: str) -> Stored:
            told.rename("eleven")
            told.rename("twelve")
            return Stored(created=1, first_seq=1, last_seq=12)

    cursor = Cursor.parse("1-12.2-20")
    assert cursor is not None
    assert await may_resume(cast("StoredEvents", Streams()), feed, cursor) is None
    told.rename("thirteen")
    assert titles(feed.take(ALL_BYTES)) == ["thirteen"]


def test_after_a_refill_only_what_is_new_is_news(told: Told) -> None:
    feed = told.open()
    told.places["chat"] = Place(9, 0)
    told.feeds.gap("chat")
    told.rename("long ago", at=utc_now() - timedelta(minutes=1))
    told.rename("now")
    reset, after = feed.take(ALL_BYTES)
    assert json.loads(reset.data) == {"reason": "rebuilt", "cursor": "9-0.2-20"}
    assert titles([after]) == ["now"]
    assert after.cursor == "9-2.2-20"


def test_a_stream_that_is_filled_anew_tells_nothing_twice(told: Told) -> None:
    """Guards `Place.life` and `Refills.repeats`: same `created`, sequences of another filling."""
    feed = told.open()
    told.rename("just told")
    (repeated,) = feed.take(ALL_BYTES)
    told.places["chat"] = Place(1, FILLING_SEQS - 1)
    told.feeds.gap("chat")
    told.rename("just told", event_id=json.loads(repeated.data)["event_id"])
    told.rename("now")
    reset, after = feed.take(ALL_BYTES)
    assert json.loads(reset.data)["reason"] == "rebuilt"
    assert titles([after]) == ["now"]
    assert after.cursor == f"1-{FILLING_SEQS + 1}.2-20"


def test_events_that_a_stream_forgot_are_a_reset(told: Told) -> None:
    feed = told.open()
    told.places["chat"] = Place(1, 500)
    told.feeds.gap("chat")
    (reset,) = feed.take(ALL_BYTES)
    assert json.loads(reset.data)["reason"] == "expired"


def test_late_and_lower_pieces_are_passed_over(told: Told) -> None:
    """Guards `Turns.speaks`."""
    feed, turn = told.open(), str(new_id())

    def delta(attempt: int) -> None:
        signal = {"type": "delta", "turn_id": turn, "attempt": attempt}
        told.feeds.signal(live_subject(USER, SESSION), orjson.dumps(signal))

    delta(1)
    delta(2)
    delta(1)
    stopped: dict[str, Any] = {
        "turn_id": turn,
        "answers": [],
        "answers_up_to": 1,
        "message_ids": [],
        "attempt": 2,
    }
    told.tell(SESSION, "turn_stopped.v1", stopped)
    delta(2)
    frames = feed.take(ALL_BYTES)
    assert [one.event for one in frames] == ["delta", "delta", "turn_stopped"]
    assert [json.loads(one.data)["attempt"] for one in frames[:2]] == [1, 2]


def test_what_was_erased_is_not_told(told: Told) -> None:
    feed = told.open()
    told.tell(SESSION, "session_renamed.v1", None)
    told.tell(SESSION, "turn_stopped.v1", None)
    told.tell(SESSION, "something_new.v1", {"a": 1})
    assert feed.take(ALL_BYTES) == []


def test_there_are_so_many_and_no_more(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeds_module, "FEEDS_PER_USER_MAX", 1)
    monkeypatch.setattr(feeds_module, "FEEDS_MAX", 2)
    told.open()
    with pytest.raises(TooManyRequests):
        told.open()
    told.open(OTHER)
    with pytest.raises(Unavailable):
        told.open(new_id())
    del told.places["agent"]
    monkeypatch.setattr(feeds_module, "FEEDS_MAX", 9)
    with pytest.raises(Unavailable):
        told.open(new_id())


async def test_who_comes_while_it_starts_waits_for_the_streams_but_not_for_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Guards `Feeds.begin`: chat's stream may be made a moment after the gateway answers."""
    places: dict[Source, Place] = {"agent": Place(2, 20)}
    feeds = Feeds(FeedFrames("m"), places.get)
    feeds.gap("agent")
    monkeypatch.setattr(feeds_module, "BEGIN_SECONDS_MAX", 0.0)
    await feeds.begin()
    assert feeds.here() is None

    monkeypatch.undo()
    waiting = asyncio.create_task(feeds.begin())
    await asyncio.sleep(0)
    assert not waiting.done()
    places["chat"] = Place(1, 10)
    feeds.gap("chat")
    began_at = monotonic()
    await waiting
    assert monotonic() - began_at < feeds_module.BEGIN_SECONDS_MAX / 2


async def test_an_end_wakes_and_tells_nothing_more(told: Told) -> None:
    feed = told.open()
    told.rename("unread")
    told.feeds.finish()
    assert await feed.wait(5)
    assert feed.ended
    assert feed.take(ALL_BYTES) == []
    told.rename("more")
    assert feed.take(ALL_BYTES) == []


@pytest.mark.parametrize("text", ["", "x", "1-1", "1-1.1-1 ", "-1-1.1-1", "1-1.1-1.1", "1" * 99])
def test_a_cursor_that_is_none(text: str) -> None:
    assert Cursor.parse(text) is None


def test_a_cursor_is_read_as_it_was_written() -> None:
    cursor = Cursor(Place(1795358998374215, 41), Place(7, 0))
    assert Cursor.parse(str(cursor)) == cursor


def test_every_event_has_its_frame() -> None:
    names = {tag.partition(".")[0] for tag in (chat.EVENTS | agent.EVENTS)}
    assert names >= UNTOLD
    assert names - UNTOLD == FRAMES.keys() - {"ready", "reset", "delta", "typing"}
