"""The feed and the streamed answer, with chat, agent and a model behind the gateway."""

import asyncio
from contextlib import aclosing
from typing import Any

import pytest

from lingxi_chassis.bus import connect
from lingxi_chassis.ids import new_id
from lingxi_contracts.live import Delta
from lingxi_contracts.subjects import live_subject
from services.gateway.tests.integration.running import Lingxi, User
from tests.e2e.feed import Frame, Shown, feed, frames

pytestmark = pytest.mark.asyncio(loop_scope="module")

TURN = [
    "session_started",
    "message_posted",
    "turn_started",
    "message_sent",
    "turn_completed",
]
DURABLE = {"message_posted", "message_sent", "turn_started", "turn_completed"}


async def until(told: Any, event: str) -> list[Frame]:
    """The frames up to one of this name, and it."""
    seen: list[Frame] = []
    async with asyncio.timeout(60):
        async for frame in told:
            seen.append(frame)
            if frame.event == event:
                return seen
    raise AssertionError(f"no {event} in {[one.event for one in seen]}")


def of(seen: list[Frame], event: str) -> dict[str, Any]:
    """The data of the one frame of this name."""
    (found,) = [frame.data for frame in seen if frame.event == event]
    return found


async def test_a_turn_as_the_feed_tells_it(lingxi: Lingxi) -> None:
    user = await lingxi.user()
    lingxi.says("Good.")
    async with feed(user.http, headers=user.headers) as told:
        (ready,) = await until(told, "ready")
        said = await user.say("Hello.", mark_read=False)
        seen = await until(told, "turn_completed")
    assert ready.id == ready.data["cursor"]
    durable = [frame for frame in seen if frame.data.get("session_id") and frame.id]
    assert [frame.event for frame in durable if frame.event != "messages_read"] == TURN
    assert len({frame.id for frame in seen if frame.id}) == sum(bool(frame.id) for frame in seen)
    session_id = said["session_id"]
    assert {frame.data["session_id"] for frame in durable} == {session_id}
    shown = (await user.get(f"/api/sessions/{session_id}/messages/"))["results"]
    posted, sent = of(seen, "message_posted")["message"], of(seen, "message_sent")["message"]
    taken = {"is_read": True, "turn_id": said["turn_id"]}  # by the turn, later
    assert [posted | taken, sent] == shown
    completed = of(seen, "turn_completed")
    assert completed["turn_id"] == said["turn_id"]
    assert completed["message_ids"] == [said["ai_message_id"]]
    assert completed.keys() >= {"event_id", "at", "model", "usage", "latency_ms"}
    session = of(seen, "session_started")["session"]
    whole = await user.get(f"/api/sessions/{session_id}/", mark_read=False)
    assert session.keys() == whole.keys()
    assert (session["id"], session["messages"]) == (session_id, [])


async def test_agents_and_their_personality_are_told(lingxi: Lingxi) -> None:
    user = await lingxi.user()
    async with feed(user.http, headers=user.headers) as told:
        await until(told, "ready")
        body = {"name": "Lin", "parameters": {"personality_prompt": "Calm.", "temperature": 0.5}}
        made = await user.send("POST", "/api/agents/", body, 201)
        seen = await until(told, "personality_changed")
        path = f"/api/agents/{made['id']}/"
        await user.send("PATCH", path, {"name": "Lan"})
        changed = (await until(told, "agent_changed"))[-1].data
        await user.request("DELETE", path, 204)
        gone = (await until(told, "agent_deleted"))[-1].data
    created = of(seen, "agent_created")["agent"]
    assert created["parameters"] | {"personality_prompt": "Calm."} == made["parameters"]
    assert (created["id"], created["name"], changed["agent"]["name"]) == (made["id"], "Lin", "Lan")
    personality = of(seen, "personality_changed")
    assert (personality["version"], personality["source"]) == (1, "created")
    assert gone["agent_id"] == made["id"]


async def test_a_feed_goes_on_where_it_was(lingxi: Lingxi) -> None:
    user = await lingxi.user()
    lingxi.says()
    async with feed(user.http, headers=user.headers) as told:
        first = await until(told, "ready")
    session_id = (await user.say("One."))["session_id"]
    cursor, seen = first[-1].id, list[Frame]()
    async with lingxi.replica() as other:
        for http in (user.http, other) * 3:
            async with feed(http, cursor, user.headers) as told:
                (ready,) = await until(told, "ready")
                assert ready.id == cursor
                part = await until(told, "turn_completed")
                seen += [frame for frame in part if frame.id]
                cursor = seen[-1].id
            await user.say("More.", session_id=session_id)
    assert len({one.data["event_id"] for one in seen}) == len(seen)
    posted = [one.data["message"]["seq"] for one in seen if one.event == "message_posted"]
    assert posted == [1, 3, 5, 7, 9, 11]


@pytest.mark.parametrize(("cursor", "reason"), [("x", "expired"), ("1-1.1-1", "rebuilt")])
async def test_a_cursor_of_another_life_is_a_reset(
    lingxi: Lingxi, cursor: str, reason: str
) -> None:
    user = await lingxi.user()
    async with feed(user.http, headers=user.headers, after=cursor) as told:
        ready, reset = await until(told, "reset")
        assert reset.data == {"reason": reason, "cursor": ready.id}
        assert reset.id == ready.id
        await user.say("Hello.")
        await until(told, "turn_completed")


async def test_one_session_only_and_nobody_elses(lingxi: Lingxi) -> None:
    mine, other = await lingxi.user(), await lingxi.user()
    session_id = (await mine.say("Here."))["session_id"]
    async with (
        feed(mine.http, headers=mine.headers, session_id=session_id) as told,
        feed(other.http, headers=other.headers) as foreign,
    ):
        await until(told, "ready")
        await until(foreign, "ready")
        await mine.say("Elsewhere.")
        await mine.say("Here again.", session_id=session_id)
        seen = await until(told, "turn_completed")
        await other.say("I am somebody else.")
        theirs = await until(foreign, "turn_completed")
    assert {frame.data["session_id"] for frame in seen} == {session_id}
    assert of(theirs, "message_posted")["message"]["message"] == "I am somebody else."
    for unknown in (session_id, str(new_id()), "x"):
        await other.request("GET", "/api/events/", 404, params={"session_id": unknown})


async def test_what_one_device_reads_the_other_sees_as_read(lingxi: Lingxi) -> None:
    user = await lingxi.user()
    said = await user.say("Hello.", mark_read=False)
    session = f"/api/sessions/{said['session_id']}/"
    assert (await user.get(session, mark_read=False))["unread_count"] > 0
    async with (
        feed(user.http, headers=user.headers) as one,
        feed(user.http, headers=user.headers) as two,
    ):
        await until(one, "ready")
        await until(two, "ready")
        await user.send("POST", f"{session}read/", {"up_to": said["ai_message_id"]}, 204)
        for told in (one, two):
            read = (await until(told, "messages_read"))[-1].data
            assert (read["session_id"], read["unread_count"]) == (said["session_id"], 0)


async def test_a_login_that_ends_ends_its_feeds_and_no_others(lingxi: Lingxi) -> None:
    user = await lingxi.user()
    body = {"current_password": "correct horse", "new_password": "another horse"}
    async with feed(user.http, headers=user.headers) as told:
        await until(told, "ready")
        again = await user.http.post(
            "/api/auth/login/",
            json={
                "username": (await user.get("/api/me/"))["username"],
                "password": body["current_password"],
            },
        )
        other = User(user.http, user.user_id, again.json()["access"])
        async with feed(other.http, headers=other.headers) as kept:
            await until(kept, "ready")
            await other.send("PATCH", "/api/me/", body)
            async with asyncio.timeout(60):
                assert [frame async for frame in told] == []
            await other.say("Still here.")
            await until(kept, "turn_completed")


async def test_the_end_of_the_token_is_the_end_of_the_feed(lingxi: Lingxi) -> None:
    user = lingxi.expiring(await lingxi.user(), seconds=5)
    async with feed(user.http, headers=user.headers) as told, asyncio.timeout(60):
        assert [frame.event async for frame in told] == ["ready"]
    await user.request("GET", "/api/events/", 401)


async def streamed(user: User, message: str, **more: Any) -> list[Frame]:
    """The frames of a streamed answer."""
    body = {"message": message, "stream": True} | more
    async with user.http.stream("POST", "/api/chat/", json=body, headers=user.headers) as answer:
        assert answer.status_code == 200, await answer.aread()
        assert answer.headers["content-type"].startswith("text/event-stream")
        async with aclosing(frames(answer.aiter_lines())) as told:
            return [frame async for frame in told]


async def test_an_answer_is_streamed(lingxi: Lingxi) -> None:
    user = await lingxi.user()
    said = await streamed(user, "Tell me something long, please.")
    names = [frame.event for frame in said]
    assert (names[0], names[-1]) == ("accepted", "done")
    done = said[-1].data
    assert said[0].data == {
        name: done[name] for name in ("session_id", "user_message_id", "turn_id")
    }
    told = [frame.data["message"] for frame in said if frame.event == "message"]
    kept = (await user.get(f"/api/sessions/{done['session_id']}/messages/"))["results"][1:]
    assert [one | {"is_read": True} for one in told] == [one | {"is_read": True} for one in kept]
    shown = Shown()
    for frame in said:
        if frame.event == "delta":
            shown.take(frame.data)
    texts = [shown.texts[done["turn_id"], one["bubble"]] for one in told]
    assert texts == [one["message"] for one in told]


async def test_pieces_of_an_answer_are_passed_on_by_attempt_until_its_end(lingxi: Lingxi) -> None:
    user = await lingxi.user()
    lingxi.fault(do="hang", times=1)
    shown = Shown()
    body = {"message": "Hello.", "stream": True}
    async with (
        connect(lingxi.nats_url, "tester") as nats,
        feed(user.http, headers=user.headers) as told,
        user.http.stream("POST", "/api/chat/", json=body, headers=user.headers) as answer,
    ):
        said = frames(answer.aiter_lines())
        accepted = (await anext(said)).data

        async def speaks(attempt: int, offset: int, text: str) -> None:
            delta = Delta(
                session_id=accepted["session_id"],
                turn_id=accepted["turn_id"],
                attempt=attempt,
                bubble=0,
                offset_chars=offset,
                text=text,
            )
            subject = live_subject(user.user_id, delta.session_id)
            await nats.publish(subject, delta.model_dump_json().encode())

        await speaks(1, 0, "Never mi")
        await speaks(2, 0, "Hel")
        await speaks(1, 8, "nd.")
        await speaks(2, 3, "lo, you.")
        seen = [frame for _ in range(3) for frame in await until(said, "delta")]
        lingxi.heal()
        seen += [frame async for frame in said]
        await until(told, "turn_completed")
        await speaks(2, 11, " Too late.")
        await user.say("More.", session_id=accepted["session_id"])
        late = await until(told, "turn_completed")
    deltas = [frame.data for frame in seen if frame.event == "delta"]
    of_turn = [one for one in deltas if one["turn_id"] == accepted["turn_id"]]
    for delta in of_turn:
        shown.take(delta)
    assert [one["attempt"] for one in of_turn[:3]] == [1, 2, 2]
    assert shown.texts[accepted["turn_id"], 0] == "Hello, you."
    assert not [one for one in late if one.data.get("turn_id") == accepted["turn_id"]]


async def test_a_streamed_failure_is_the_problem(lingxi: Lingxi) -> None:
    user = await lingxi.user()
    lingxi.fault(do="status", status=401)
    *_, error = await streamed(user, "Hello.")
    assert (error.event, error.data["code"], error.data["status"]) == ("error", "model_auth", 502)


async def test_what_is_refused_is_no_stream(lingxi: Lingxi) -> None:
    user = await lingxi.user()
    accept = {"accept": "text/event-stream"}
    body = {"message": "Hello.", "session_id": str(new_id())}
    refused = await user.request("POST", "/api/chat/", 404, json=body, headers=accept)
    assert refused.json()["code"] == "session_not_found"


async def test_hanging_up_a_stream_stops_nothing(lingxi: Lingxi) -> None:
    user = await lingxi.user()
    lingxi.fault(do="hang", times=1)
    async with feed(user.http, headers=user.headers) as told:
        await until(told, "ready")
        body = {"message": "Hello."}
        headers = user.headers | {"accept": "text/event-stream"}
        async with (
            user.http.stream("POST", "/api/chat/", json=body, headers=headers) as answer,
            aclosing(frames(answer.aiter_lines())) as said,
        ):
            assert (await anext(said)).event == "accepted"
        lingxi.heal()
        await until(told, "turn_completed")
