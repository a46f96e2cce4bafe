"""`POST /api/chat/` on the running services: answers, repeats, failures, waiting, read marks."""

import asyncio
from contextlib import AsyncExitStack
from functools import partial
from typing import Any

import httpx
import pytest
from nats.aio.msg import Msg

from lingxi_chassis.bus import connect
from lingxi_chassis.ids import new_id
from lingxi_chassis.rpc import RpcClient
from lingxi_contracts.chat import PostMessage
from lingxi_contracts.identity import derived_message_id, derived_session_id
from lingxi_gateway import bootstrap
from lingxi_gateway.application import post_message
from lingxi_gateway.application.outcome import Answered
from lingxi_gateway.application.read_marks import ReadMarks
from lingxi_gateway.application.waiters import Waiters
from services.gateway.tests.integration.running import Lingxi, User
from tests.e2e.feed import frames
from tests.fixtures.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def messages(user: User, session_id: str) -> list[Any]:
    return (await user.get(f"/api/sessions/{session_id}/messages/"))["results"]


async def test_an_answer_names_what_it_belongs_to(lingxi: Lingxi) -> None:
    user = await lingxi.user()
    lingxi.says()
    said = await user.say("Hello. 你好 🙂")
    posted, answer = await messages(user, said["session_id"])
    assert said == {
        "session_id": said["session_id"],
        "user_message_id": posted["id"],
        "turn_id": answer["turn_id"],
        "response": answer["message"],
        "ai_message_id": answer["id"],
    }
    assert posted["message"] == "Hello. 你好 🙂"
    assert (posted["seq"], posted["is_user"], posted["is_agent"]) == (1, True, False)
    assert (answer["seq"], answer["is_user"], answer["is_agent"]) == (2, False, True)
    assert "bubble" not in posted
    assert answer["bubble"] == 0


async def test_several_bubbles_are_told_one_by_one_and_as_a_whole(lingxi: Lingxi) -> None:
    user = await lingxi.user()
    lingxi.says("One.\n<next>\nTwo.\n<next>\nThree.")
    said = await user.say("Tell me.")
    assert said["response"] == "One.\n\nTwo.\n\nThree."
    bubbles = (await messages(user, said["session_id"]))[1:]
    assert said["messages"] == [
        {"id": bubble["id"], "message": bubble["message"]} for bubble in bubbles
    ]
    assert [one["message"] for one in said["messages"]] == ["One.", "Two.", "Three."]
    assert said["ai_message_id"] == bubbles[-1]["id"]


async def test_a_session_goes_on_and_keeps_its_agent(lingxi: Lingxi) -> None:
    user = await lingxi.user()
    lingxi.says()
    agent = await user.send("POST", "/api/agents/", {"name": "Lin"}, 201)
    other = await user.send("POST", "/api/agents/", {"name": "Mei"}, 201)
    first = await user.say("One.", agent_id=agent["id"])
    again = await user.say("Two.", session_id=first["session_id"], agent_id=agent["id"])
    assert again["session_id"] == first["session_id"]
    refused = await user.say("No.", 422, session_id=first["session_id"], agent_id=other["id"])
    assert refused["code"] == "agent_mismatch"
    assert len(await messages(user, first["session_id"])) == 4


async def test_a_key_makes_repeats_harmless(lingxi: Lingxi) -> None:
    user, other = await lingxi.user(), await lingxi.user()
    lingxi.says()
    key = "!order-66~"
    first = await user.say("Once.", key=key)
    assert first["user_message_id"] == str(derived_message_id(user.user_id, key))
    assert first["session_id"] == str(derived_session_id(user.user_id, key))
    assert await user.say("Once.", key=key) == first
    reused = await user.say("Twice.", 422, key=key)
    assert reused["code"] == "idempotency_key_reused"
    assert len(await messages(user, first["session_id"])) == 2
    assert (await other.say("Once.", key=key))["session_id"] != first["session_id"]
    next_one = await user.say("Next.", key="k2", session_id=first["session_id"])
    assert await user.say("Next.", key="k2", session_id=first["session_id"]) == next_one
    for unfit in (b"", b"x" * 256, b"with space", "caf\u00e9".encode()):
        assert (await user.say("No.", 422, key=unfit))["errors"]


async def test_five_at_once_with_one_key_are_one(lingxi: Lingxi) -> None:
    user = await lingxi.user()
    lingxi.says()
    answers = await asyncio.gather(*(user.say("Once.", key="five") for _ in range(5)))
    assert answers == [answers[0]] * 5
    assert len(await messages(user, answers[0]["session_id"])) == 2


async def test_first_posts_at_once_make_one_default_agent(lingxi: Lingxi) -> None:
    user = await lingxi.user()
    answers = await asyncio.gather(*(user.say(f"Hello {n}.") for n in range(6)))
    assert len({answer["session_id"] for answer in answers}) == 6
    assert [agent["name"] for agent in (await user.get("/api/agents/"))["results"]] == ["default"]


async def test_everybody_a_turn_took_gets_its_answer(lingxi: Lingxi) -> None:
    user = await lingxi.user()
    session_id = (await user.say("First."))["session_id"]
    came_before = len(await messages(user, session_id))
    lingxi.fault(do="hang", times=1)
    posts = [asyncio.create_task(user.say("Zero.", session_id=session_id))]
    path = f"/api/sessions/{session_id}/"

    async def is_open() -> bool:
        return (await user.get(path))["turn"] is not None

    await eventually(is_open)
    posts += [
        asyncio.create_task(user.say(f"Burst {number}.", session_id=session_id))
        for number in range(4)
    ]

    async def all_came() -> bool:
        return len(await messages(user, session_id)) == came_before + len(posts)

    await eventually(all_came)
    lingxi.heal()
    zero, *burst = await asyncio.gather(*posts)
    told = await messages(user, session_id)
    for answer in (zero, *burst):
        said = [one for one in told if one["is_agent"] and one["turn_id"] == answer["turn_id"]]
        assert answer["response"] == "\n\n".join(one["message"] for one in said)
    taken = {one["message"]: one["turn_id"] for one in told if one["is_user"]}
    assert taken["Zero."] == zero["turn_id"]
    assert {taken[f"Burst {number}."] for number in range(4)} == {burst[0]["turn_id"]}
    assert [answer["turn_id"] for answer in burst] == [burst[0]["turn_id"]] * 4


async def test_a_failed_turn_is_a_problem_and_can_be_retried(lingxi: Lingxi) -> None:
    user = await lingxi.user()
    lingxi.fault(do="status", status=401)
    failed = await user.say("Hello.", 502, key="k")
    assert failed["code"] == "model_auth"
    assert failed["status"] == 502
    assert failed["detail"]
    assert failed["retryable"] is False
    assert failed["user_message_id"] == str(derived_message_id(user.user_id, "k"))
    assert await user.say("Hello.", 502, key="k") == failed
    path = f"/api/sessions/{failed['session_id']}/"
    session = await user.get(path)
    assert len(session["messages"]) == 1
    turn = session["turn"]
    assert (turn["id"], turn["status"], turn["code"]) == (failed["turn_id"], "failed", "model_auth")

    lingxi.simulator.simulator.faults.remove()
    retried = await user.send("POST", path + "retry/", status=202)
    assert retried["turn_id"] != failed["turn_id"]
    answered = await user.say("Hello.", key="k")
    assert answered["turn_id"] == retried["turn_id"]
    refused = await user.send("POST", path + "retry/", status=409)
    assert refused["code"] == "nothing_to_retry"


async def test_hanging_up_stops_nothing_and_reads_nothing(lingxi: Lingxi) -> None:
    user = await lingxi.user()
    session_id = (await user.say("First."))["session_id"]
    lingxi.fault(do="hang")
    left = asyncio.create_task(user.say("Bye.", session_id=session_id))
    path = f"/api/sessions/{session_id}/"

    async def is_open() -> bool:
        return (await user.get(path, mark_read=False))["turn"] is not None

    await eventually(is_open)
    turn_id = (await user.get(path, mark_read=False))["turn"]["id"]
    left.cancel()
    await asyncio.wait([left])
    await user.get(path, mark_read=False)  # the gateway turned meanwhile, and saw it go
    lingxi.heal()

    async def answered() -> bool:
        return (await user.get(path, mark_read=False))["turn"] is None

    await eventually(answered)
    shown = await user.get(path, mark_read=False)
    newest = [one for one in shown["messages"] if one["turn_id"] == turn_id]
    assert newest[0]["message"] == "Bye."
    assert [one["is_read"] for one in newest[1:]] == [False] * shown["unread_count"] != []


async def test_what_was_written_out_is_read_as_soon_as_one_looks(lingxi: Lingxi) -> None:
    user = await lingxi.user()
    lingxi.says()
    said = await user.say("Hello.")
    [session] = (await user.get("/api/sessions/"))["results"]
    assert session["unread_count"] == 0
    said = await user.say("Quietly.", session_id=said["session_id"], mark_read=False)
    [session] = (await user.get("/api/sessions/"))["results"]
    assert (session["unread_count"], session["first_unread_id"]) == (1, said["ai_message_id"])


async def test_a_turn_costs_one_request_to_one_owner(
    lingxi: Lingxi, monkeypatch: pytest.MonkeyPatch
) -> None:
    # However long it is between two messages here, no mark settles.
    monkeypatch.setattr(bootstrap, "ReadMarks", partial(ReadMarks, settle_seconds=3600.0))
    user = await lingxi.user()
    subjects: list[str] = []

    async def heard(message: Msg) -> None:
        subjects.append(message.subject)

    async with lingxi.replica() as user.http, connect(lingxi.nats_url, "listener") as nats:
        session_id = (await user.say("First."))["session_id"]
        await nats.subscribe("chat.rpc.>", cb=heard)
        await nats.flush()
        for number in range(10):
            await user.say(f"Message {number}.", session_id=session_id)
        await nats.flush()
        await eventually(lambda: len(subjects) >= 10)
        assert subjects == ["chat.rpc.post_message"] * 10
        await user.get(f"/api/sessions/{session_id}/summary/")
        await eventually(
            lambda: subjects[10:] == ["chat.rpc.read_messages", "chat.rpc.get_session"]
        )


async def test_an_answer_is_found_though_no_event_tells_of_it(
    lingxi: Lingxi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(post_message, "CHECK_SECONDS", 0.1)
    lingxi.says()
    post = PostMessage(
        user_id=new_id(),
        session_id=new_id(),
        message_id=new_id(),
        text="Hello.",
        create_session=True,
        request_hash="hash",
    )
    async with connect(lingxi.nats_url, "deaf") as nats:
        deaf = Waiters()  # no tail dispatches to them
        outcome = await post_message.post_message(RpcClient(nats), deaf, post, 10.0)
    assert isinstance(outcome, Answered)
    assert [bubble.text for bubble in outcome.bubbles] == ["Yes."]


async def test_a_session_that_is_deleted_meanwhile_is_not_found(lingxi: Lingxi) -> None:
    user = await lingxi.user()
    session_id = (await user.say("First."))["session_id"]
    lingxi.fault(do="hang", times=1)
    waiting = asyncio.create_task(user.say("Anybody?", 404, session_id=session_id))
    path = f"/api/sessions/{session_id}/"

    async def is_open() -> bool:
        return (await user.get(path))["turn"] is not None

    await eventually(is_open)
    await user.send("DELETE", path, status=204)
    assert (await waiting)["code"] == "session_not_found"


async def test_unfit_requests_are_refused(lingxi: Lingxi) -> None:
    user = await lingxi.user()
    unfit: list[Any] = [
        {},
        {"message": ""},
        {"message": None},
        {"message": 7},
        {"message": "x" * 32_001},
        {"message": "nul\x00"},
        {"message": "Hi.", "session_id": 7},
        {"message": "Hi.", "agent_id": {}},
        {"message": "Hi.", "mark_read": "perhaps"},
        [],
    ]
    for body in unfit:
        refused = await user.send("POST", "/api/chat/", body, 422)
        assert refused["code"] == "invalid_input", body
        assert refused["errors"], body
    raw = (
        b'{"message": "\\ud800"}', b'{"message": "cut', b"", b"\xff", b'{"message": NaN}'
    )  # fmt: skip
    for content in raw:
        headers = {"content-type": "application/json"}
        answer = await user.request("POST", "/api/chat/", 422, content=content, headers=headers)
        assert answer.json()["errors"], content
    assert (await user.get("/api/sessions/"))["count"] == 0
    longest = "\U0001f600" * 32_000
    said = await user.say(longest)
    assert (await messages(user, said["session_id"]))[0]["message"] == longest


async def test_foreign_unknown_and_malformed_ids_are_answered_alike(lingxi: Lingxi) -> None:
    owner, user = await lingxi.user(), await lingxi.user()
    agent = await owner.send("POST", "/api/agents/", {"name": "Lin"}, 201)
    session_id = (await owner.say("Mine.", agent_id=agent["id"]))["session_id"]
    for field, foreign in (("session_id", session_id), ("agent_id", agent["id"])):
        answers = [
            await user.say("Hello.", 404, **{field: one})
            for one in (foreign, str(new_id()), "no-id", "")
        ]
        assert answers == [answers[0]] * 4
        assert answers[0]["code"] == field.replace("_id", "_not_found")
    assert [one["is_user"] for one in await messages(owner, session_id)].count(True) == 1


async def test_a_late_answer_is_pending_and_comes_all_the_same(lingxi: Lingxi) -> None:
    user = await lingxi.user()
    lingxi.fault(do="hang", times=1)
    async with lingxi.replica(REPLY_WAIT_SECONDS=0.3) as user.http:
        pending = await user.say("Slowly.", 202, key="k")
        assert pending["status"] == "pending"
        session = await user.get(f"/api/sessions/{pending['session_id']}/")
        assert session["turn"] == {"id": pending["turn_id"], "status": "open"}
        assert session["messages"][0]["id"] == pending["user_message_id"]
    user.http = lingxi.http
    lingxi.heal()
    assert (await user.say("Slowly.", key="k"))["turn_id"] == pending["turn_id"]


async def test_who_waits_at_a_stop_hears_that_the_answer_will_come(lingxi: Lingxi) -> None:
    user = await lingxi.user()
    lingxi.fault(do="hang", times=1)
    async with httpx.AsyncClient(timeout=30) as http:  # it outlives the replica
        async with lingxi.replica() as replica:
            url = replica.base_url.join("/api/chat/")
            body = {"message": "Hello."}
            waiting = asyncio.create_task(http.post(url, json=body, headers=user.headers))

            async def is_open() -> bool:
                sessions = await user.get("/api/sessions/")
                return any(session["turn"] for session in sessions["results"])

            await eventually(is_open)
        answer = await waiting
    assert (answer.status_code, answer.json()["status"]) == (202, "pending")


async def test_a_stream_at_a_stop_ends_with_the_pending_answer(lingxi: Lingxi) -> None:
    """Guards `Feeds.finish`, which leaves streamed answers to the waiters."""
    user = await lingxi.user()
    lingxi.fault(do="hang", times=1)
    body = {"message": "Hello.", "stream": True}
    # The client outlives the replica.
    async with httpx.AsyncClient(timeout=30) as http, AsyncExitStack() as its_life:
        replica = await its_life.enter_async_context(lingxi.replica())
        url = replica.base_url.join("/api/chat/")
        async with http.stream("POST", url, json=body, headers=user.headers) as answer:
            said = frames(answer.aiter_lines())
            accepted = (await anext(said)).data
            await its_life.aclose()
            *_, done = [frame async for frame in said]
    assert (done.event, done.data) == ("done", accepted | {"status": "pending"})


async def test_what_costs_a_model_call_is_limited_for_each_user(lingxi: Lingxi) -> None:
    user, other = await lingxi.user(), await lingxi.user()
    async with lingxi.replica(RATE_LIMIT_PER_USER=2) as user.http:
        other.http = user.http
        session_id = (await user.say("One."))["session_id"]
        retry = f"/api/sessions/{session_id}/retry/"
        await user.send("POST", retry, status=409)
        refused = await user.request("POST", "/api/chat/", 429, json={"message": "Three."})
        assert refused.json()["code"] == "too_many_requests"
        assert int(refused.headers["retry-after"]) > 0
        await user.send("POST", retry, status=429)
        await user.get("/api/sessions/")
        await other.say("One.")
