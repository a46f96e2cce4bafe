"""Deleting single messages: all of a subject before a sequence, few at a time."""

from typing import Any, cast

import pytest
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.api import StreamConfig

from lingxi_chassis.bus import connect
from lingxi_chassis.clock import monotonic
from lingxi_chassis.jetstream import DELETES_AT_ONCE_MAX, PAUSE_PER_WORK, delete_messages

STREAM = "PACED"
MESSAGES = 6 * DELETES_AT_ONCE_MAX + 1


class Watched:
    """Stands in for JetStream: notes when deletions begin and end."""

    def __init__(self, js: JetStreamContext) -> None:
        self._js = js
        self._under_way = 0
        self._idle_since: float | None = None
        self._busy_since = 0.0
        self.most_at_once = 0
        self.busy_seconds = 0.0
        self.last_seconds = 0.0
        self.idle_seconds = 0.0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._js, name)

    async def delete_msg(self, stream: str, seq: int) -> bool:
        now = monotonic()
        if self._under_way == 0:
            self._busy_since = now
            self.idle_seconds += 0.0 if self._idle_since is None else now - self._idle_since
        self._under_way += 1
        self.most_at_once = max(self.most_at_once, self._under_way)
        try:
            return await self._js.delete_msg(stream, seq)
        finally:
            self._under_way -= 1
            if self._under_way == 0:
                self._idle_since = monotonic()
                self.last_seconds = self._idle_since - self._busy_since
                self.busy_seconds += self.last_seconds


@pytest.fixture
async def nats(nats_url: str) -> Any:
    async with connect(nats_url, "tester") as client:
        await client.jetstream().add_stream(StreamConfig(name=STREAM, subjects=["paced.>"]))
        yield client


async def test_deletions_leave_the_stream_to_others_half_of_the_time(nats: Client) -> None:
    """Guards `jetstream._delete`: the size of a batch, and the pause after it."""
    js = nats.jetstream()
    for _ in range(MESSAGES):
        await js.publish("paced.mine", b"x")
    watched = Watched(js)

    deleted = await delete_messages(
        cast("JetStreamContext", watched), STREAM, "paced.mine", MESSAGES + 1
    )

    assert deleted == MESSAGES
    assert (await js.stream_info(STREAM)).state.messages == 0
    assert watched.most_at_once == DELETES_AT_ONCE_MAX
    before_last = watched.busy_seconds - watched.last_seconds
    assert watched.idle_seconds >= 0.9 * PAUSE_PER_WORK * before_last


async def test_only_the_subject_goes_and_only_before_the_end(nats: Client) -> None:
    js = nats.jetstream()
    for subject in ("mine", "theirs", "mine", "mine"):
        await js.publish(f"paced.{subject}", subject.encode())

    assert await delete_messages(js, STREAM, "paced.mine", end_seq=4) == 2

    left = [await js.get_msg(STREAM, seq) for seq in (2, 4)]
    assert [message.data for message in left] == [b"theirs", b"mine"]
    assert (await js.stream_info(STREAM)).state.messages == 2
