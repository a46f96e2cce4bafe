"""Coming back to the feed: in the middle of a reply, after a refill, too slowly, elsewhere.

Guards `tail.py: _take` and `places.py: life`: a filling of a stream is told apart.
"""

import asyncio
import socket
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from nats.aio.client import Client

from lingxi_chassis.bus import connect
from lingxi_chassis.relay.healing import ask_to_heal
from lingxi_contracts.live import Delta
from lingxi_contracts.subjects import live_subject, stream_name
from lingxi_gateway.adapters.tail import Tail
from lingxi_gateway.application import feed as feed_module
from services.gateway.tests.integration.running import Lingxi, User
from services.gateway.tests.integration.test_feed import until
from tests.e2e.feed import Shown, feed
from tests.fixtures.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

TEXT = "One word after the other, 一个接一个。"


async def speak(nats: Client, user: User, ids: dict[str, Any], offset: int, text: str) -> None:
    """Say a piece of a reply, as chat does."""
    delta = Delta(
        session_id=ids["session_id"],
        turn_id=ids["turn_id"],
        attempt=9,
        bubble=0,
        offset_chars=offset,
        text=text,
    )
    subject = live_subject(user.user_id, delta.session_id)
    await nats.publish(subject, delta.model_dump_json().encode())


async def test_a_reply_is_whole_for_whoever_comes_in_its_middle(lingxi: Lingxi) -> None:
    user = await lingxi.user()
    lingxi.fault(do="hang", seconds=60.0, times=1)
    shown = Shown()
    async with connect(lingxi.nats_url, "tester") as nats:
        async with feed(user.http, headers=user.headers) as told:
            cursor = (await until(told, "ready"))[-1].id
            saying = asyncio.create_task(user.say(TEXT))
            ids = (await until(told, "turn_started"))[-1].data
            for offset in range(10):
                await speak(nats, user, ids, offset, TEXT[offset])
            await until(told, "delta")
        for offset in range(10, 20):
            await speak(nats, user, ids, offset, TEXT[offset])
        await nats.flush()
        async with lingxi.replica() as other, feed(other, cursor, user.headers) as told:
            seen = await until(told, "delta")
            for offset in range(20, len(TEXT)):
                await speak(nats, user, ids, offset, TEXT[offset])
            lingxi.heal()
            seen += await until(told, "turn_completed")
        await saying
    for frame in seen:
        if frame.event == "delta" and frame.data["attempt"] == 9:
            shown.take(frame.data)
    assert shown.texts[ids["turn_id"], 0] == TEXT
    assert [frame.event for frame in seen[:1]] == ["ready"]


async def test_a_gateway_that_starts_lets_a_feed_and_a_streamed_answer_wait(
    lingxi: Lingxi, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards `Feeds.begin` where it is called: a stream may be seen later than one is asked."""
    follow: Any = vars(Tail)["_follow"]

    async def late(tail: Tail) -> None:
        await asyncio.sleep(1.0)
        await follow(tail)

    user = await lingxi.user()
    monkeypatch.setattr(Tail, "_follow", late)
    async with lingxi.replica() as starting, feed(starting, headers=user.headers) as told:
        await until(told, "ready")
    async with lingxi.replica() as starting:
        body = {"message": "Hello.", "stream": True}
        answer = await starting.post("/api/chat/", headers=user.headers, json=body)
    assert answer.status_code == 200
    assert "event: done" in answer.text


async def test_a_reply_that_has_ended_is_not_told_again(lingxi: Lingxi) -> None:
    user = await lingxi.user()
    lingxi.says(TEXT)
    async with feed(user.http, headers=user.headers) as told:
        await until(told, "ready")
        said = await user.say("Hello.")
        await until(told, "turn_completed")
    async with feed(user.http, headers=user.headers) as told:
        await until(told, "ready")
        await user.send("PATCH", f"/api/sessions/{said['session_id']}/", {"title": "Later"})
        seen = await until(told, "session_renamed")
    assert not [frame for frame in seen if frame.event == "delta"]


async def test_two_replicas_in_turn_tell_each_event_once_and_in_order(lingxi: Lingxi) -> None:
    user = await lingxi.user()
    async with feed(user.http, headers=user.headers) as told:
        cursor = (await until(told, "ready"))[-1].id
    session_id = (await user.say("Begin."))["session_id"]
    ids, posted, cuts = list[str](), list[int](), 0

    async def talk() -> None:
        for number in range(40):
            await user.say(f"Number {number}.", session_id=session_id)

    async with lingxi.replica() as other:
        talking = asyncio.create_task(talk())
        async with asyncio.timeout(60):
            while len(posted) < 41:
                http = (user.http, other)[cuts % 2]
                cuts += 1
                async with feed(http, cursor, user.headers) as told:
                    async for frame in told:
                        assert frame.event != "reset"
                        if not frame.id or frame.event == "ready":
                            continue
                        cursor = frame.id
                        ids.append(frame.data["event_id"])
                        if frame.event == "message_posted":
                            posted.append(frame.data["message"]["seq"])
                        if len(ids) % 3 == 0:
                            break
        await talking
    assert len(ids) == len(set(ids))
    assert posted == sorted(set(posted))
    assert cuts > 40


async def test_a_stream_that_is_filled_again_is_a_reset_and_old_events_are_no_news(
    lingxi: Lingxi,
) -> None:
    user = await lingxi.user()
    session_id = (await user.say("Before."))["session_id"]
    async with (
        connect(lingxi.nats_url, "tester") as nats,
        feed(user.http, headers=user.headers) as told,
    ):
        cursor = (await until(told, "ready"))[-1].id
        await nats.jetstream().delete_stream(stream_name("chat"))
        reset = (await until(told, "reset"))[-1]
        assert reset.data["reason"] == "rebuilt"
        await user.say("After.", session_id=session_id)
        await until(told, "turn_completed")

    async with feed(user.http, cursor, user.headers) as told:
        _, again = await until(told, "reset")
        assert again.data["reason"] == "rebuilt"
    async with feed(user.http, reset.id, user.headers) as told:
        seen = await until(told, "turn_completed")
        assert [one.event for one in seen if one.event == "reset"] == []


async def test_a_stream_that_is_emptied_and_filled_again_is_a_reset_and_tells_nothing_twice(
    lingxi: Lingxi,
) -> None:
    """It keeps its name and age: only the sequences say that it is another filling."""
    user = await lingxi.user()
    seen: list[str] = []
    async with (
        connect(lingxi.nats_url, "tester") as nats,
        feed(user.http, headers=user.headers) as told,
    ):
        cursor = (await until(told, "ready"))[-1].id
        session_id = (await user.say("Before."))["session_id"]
        seen += [
            frame.data["event_id"]
            for frame in await until(told, "turn_completed")
            if "event_id" in frame.data
        ]
        before = await nats.jetstream().stream_info(stream_name("chat"))
        await ask_to_heal(nats, "chat")
        await user.say("After.", session_id=session_id)
        frames = await until(told, "turn_completed")
        after = await nats.jetstream().stream_info(stream_name("chat"))
    assert before.created == after.created
    (reset,) = [frame for frame in frames if frame.event == "reset"]
    assert reset.data["reason"] == "rebuilt"
    seen += [frame.data["event_id"] for frame in frames if "event_id" in frame.data]
    assert len(seen) == len(set(seen))

    async with feed(user.http, cursor, user.headers) as told:
        _, again = await until(told, "reset")
        assert again.data["reason"] == "rebuilt"
    async with feed(user.http, reset.id, user.headers) as told:
        frames = await until(told, "turn_completed")
        assert [one.event for one in frames if one.event == "reset"] == []


def connected(http: httpx.AsyncClient, user: User) -> socket.socket:
    """A feed whose client does not read."""
    url = urlsplit(str(http.base_url))
    assert url.hostname is not None
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.connect((url.hostname, url.port or 80))
    head = f"GET /api/events/ HTTP/1.1\r\nHost: {url.netloc}\r\n"
    client.sendall(f"{head}Authorization: {user.headers['authorization']}\r\n\r\n".encode())
    return client


async def test_a_slow_reader_loses_events_and_is_told_so(
    lingxi: Lingxi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_module, "BUFFER_FRAMES_MAX", 20)
    user = await lingxi.user()
    session_id = (await user.say("Begin."))["session_id"]
    client = connected(user.http, user)
    try:
        for _ in range(90):  # 96 KB each: more than both sides' sockets hold
            await user.say("长" * 32_000, session_id=session_id)
        received = bytearray()
        client.setblocking(False)
        loop = asyncio.get_running_loop()

        async def read_until_reset() -> bool:
            received.extend(await loop.sock_recv(client, 65_536))
            return b'"reason":"overflow"' in received

        await eventually(read_until_reset)
    finally:
        client.close()
    assert received.count(b"event: reset") == 1
    async with feed(user.http, headers=user.headers) as told:
        await until(told, "ready")
