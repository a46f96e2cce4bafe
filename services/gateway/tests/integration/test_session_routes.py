"""Sessions, their messages and the history through HTTP, on the running services."""

from typing import Any

import pytest

from lingxi_chassis.ids import new_id
from lingxi_gateway.entrypoints.http import history
from services.gateway.tests.integration.running import Lingxi, User

pytestmark = pytest.mark.asyncio(loop_scope="module")
LONG = "长" * 30_000


async def sessions(user: User, **query: Any) -> list[str]:
    return [one["id"] for one in (await user.get("/api/sessions/", **query))["results"]]


async def test_a_session_from_its_opening_to_its_end(lingxi: Lingxi) -> None:
    user = await lingxi.user()
    lingxi.says()
    agent = await user.send("POST", "/api/agents/", {"name": "Lin"}, 201)
    opened = await user.send("POST", "/api/sessions/", {"agent_configuration": agent["id"]}, 201)
    assert opened["agent_configuration"] == agent["id"]
    assert opened["agent_name"] == "Lin"
    assert "AI" in opened["notice"]
    empty: dict[str, Any] = {
        "summary": "",
        "message_count": 0,
        "unread_count": 0,
        "messages": [],
        "turn": None,
    }
    nothing = {"last_message": None, "first_unread_id": None, "current_state": None}
    assert opened.items() >= (empty | nothing).items()
    path = f"/api/sessions/{opened['id']}/"
    assert await user.get(path) == opened

    said = await user.say("Hello.", session_id=opened["id"])
    renamed = await user.send("PATCH", path, {"title": "京都之行"})
    assert renamed["title"] == "京都之行"
    assert await sessions(user, q="京都") == [opened["id"]]
    assert await sessions(user, q="osaka") == []
    shown = await user.get(path)
    assert [message["message"] for message in shown["messages"]] == ["Hello.", said["response"]]
    assert shown["last_message"] == shown["messages"][-1]
    summary = await user.get(path + "summary/")
    assert summary == {
        "session_id": opened["id"],
        "title": "京都之行",
        "summary": "",
        "message_count": 2,
        "covers_up_to": 0,
    }
    assert await user.send("DELETE", path, status=204) is None
    assert (await user.get(path, 404))["code"] == "session_not_found"
    assert await sessions(user) == []


async def test_sessions_are_listed_by_start_or_activity_and_by_agent(lingxi: Lingxi) -> None:
    user = await lingxi.user()
    agent = await user.send("POST", "/api/agents/", {"name": "Lin"}, 201)
    first = (await user.say("One.", agent_id=agent["id"]))["session_id"]
    second = (await user.say("Two."))["session_id"]
    await user.say("Three.", session_id=first)
    assert await sessions(user) == [second, first]
    assert await sessions(user, order="activity") == [first, second]
    assert await sessions(user, agent_id=agent["id"]) == [first]
    page = await user.get("/api/sessions/", page_size=1)
    assert page["count"] == 2
    assert [one["id"] for one in (await user.get(page["next"]))["results"]] == [first]


async def test_reading_marks_as_read_unless_told_otherwise(lingxi: Lingxi) -> None:
    user = await lingxi.user()
    lingxi.says()
    said = await user.say("Hello.", mark_read=False)
    path = f"/api/sessions/{said['session_id']}/"
    shown = await user.get(path, mark_read=False)
    assert (shown["unread_count"], shown["first_unread_id"]) == (1, said["ai_message_id"])
    assert [message["is_read"] for message in shown["messages"]] == [True, False]
    assert await user.get(path, mark_read=False) == shown

    read = await user.get(path)
    assert (read["unread_count"], read["first_unread_id"]) == (0, None)
    assert [message["is_read"] for message in read["messages"]] == [True, True]
    assert read["last_message"]["is_read"]
    assert await user.get(path, mark_read=False) == read

    said = await user.say("Again.", session_id=said["session_id"], mark_read=False)
    unknown = await user.send("POST", path + "read/", {"up_to": str(new_id())}, 404)
    assert unknown["code"] == "message_not_found"
    await user.send("POST", path + "read/", {"up_to": said["ai_message_id"]}, 204)
    assert (await user.get("/api/sessions/"))["results"][0]["unread_count"] == 0


async def test_pages_of_messages_give_everything_in_order_both_ways(lingxi: Lingxi) -> None:
    user = await lingxi.user()
    lingxi.says()
    session_id: str | None = None
    told: list[str] = []
    for number in range(4):
        said = await user.say(f"Message {number}.", session_id=session_id)
        session_id = said["session_id"]
        told += [f"Message {number}.", said["response"]]
    path = f"/api/sessions/{session_id}/messages/"
    seen: list[Any] = []
    url = f"{path}?limit=3"
    while url is not None:
        page = await user.get(url)
        seen = page["results"] + seen
        url = page["previous"]
    assert [message["message"] for message in seen] == told
    assert [message["seq"] for message in seen] == list(range(1, 9))
    forth: list[Any] = []
    url = f"{path}?after=0&limit=3"
    while url is not None:
        page = await user.get(url)
        forth += page["results"]
        url = page["next"]
    assert forth == seen
    end = await user.get(path, after=8)
    assert (end["results"], end["next"]) == ([], None)
    assert (await user.get(end["previous"]))["results"] == seen
    for query in ("before=0", "after=-1", "limit=201", "limit=0", "before=3&after=1", "after=x"):
        assert (await user.get(f"{path}?{query}", 422))["errors"]


async def test_sessions_larger_than_one_answer_between_services_are_shown_whole(
    lingxi: Lingxi,
) -> None:
    user = await lingxi.user()
    lingxi.says(LONG)
    session_id: str | None = None
    for number in range(8):
        session_id = (await user.say(f"{number}", session_id=session_id))["session_id"]
    told = [text for number in range(8) for text in (f"{number}", LONG)]
    path = f"/api/sessions/{session_id}/"
    shown = await user.get(path)
    assert [message["message"] for message in shown["messages"]] == told
    for query in ("", "?after=0"):
        page = await user.get(f"{path}messages/{query}")
        assert [message["message"] for message in page["results"]] == told
        assert (page["next"], page["previous"]) == (None, None)
    [one] = (await user.get("/api/chat/history/", session_id=session_id))["sessions"]
    assert [message["message"] for message in one["messages"]] == told
    [newest] = (await user.get("/api/chat/history/"))["sessions"]
    shown_of_it = len(newest["messages"])
    assert 0 < shown_of_it <= 16
    assert [message["message"] for message in newest["messages"]] == told[-shown_of_it:]


async def test_a_history_too_long_for_one_answer_goes_on(
    lingxi: Lingxi, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards `OWNER_PAGES_MAX`: what is said in a hundred sessions fits in no memory."""
    monkeypatch.setattr(history, "OWNER_PAGES_MAX", 2)
    user = await lingxi.user()
    lingxi.says(LONG)
    told = [(await user.say("Hello."))["session_id"] for _ in range(12)]
    seen: list[str] = []
    answers = 0
    url: str | None = "/api/chat/history/"
    while url is not None:
        page = await user.get(url)
        answers += 1
        seen += [session["id"] for session in page["sessions"]]
        url = page["next"]
    assert seen == told[::-1]
    assert answers > 1


async def test_the_history_has_the_newest_sessions_and_where_the_rest_is(lingxi: Lingxi) -> None:
    user, other = await lingxi.user(), await lingxi.user()
    lingxi.says()
    await other.say("Not yours.")
    first = await user.say("Message 0.")
    told = ["Message 0.", first["response"]]
    for number in range(1, 12):
        said = await user.say(f"Message {number}.", session_id=first["session_id"])
        told += [f"Message {number}.", said["response"]]
    second = await user.say("Hello.", mark_read=False)
    newest, oldest = (await user.get("/api/chat/history/"))["sessions"]
    assert (newest["id"], oldest["id"]) == (second["session_id"], first["session_id"])
    assert (newest["unread_count"], newest["previous"]) == (1, None)
    assert [message["message"] for message in oldest["messages"]] == told[-20:]
    before = await user.get(oldest["previous"])
    assert [message["message"] for message in before["results"]] == told[:-20]
    limited = await user.get("/api/chat/history/", limit=1)
    assert limited["sessions"] == [newest]
    assert await user.get(limited["next"]) == {"sessions": [oldest], "next": None}
    [one] = (await user.get("/api/chat/history/", session_id=first["session_id"]))["sessions"]
    assert [message["message"] for message in one["messages"]] == told
    for query in ("limit=0", "limit=101", "offset=-1"):
        assert (await user.get(f"/api/chat/history/?{query}", 422))["errors"]


async def test_unfit_input_is_refused(lingxi: Lingxi) -> None:
    user = await lingxi.user()
    said = await user.say("Hello.")
    path = f"/api/sessions/{said['session_id']}/"
    unfit: list[tuple[str, str, Any]] = [
        ("POST", "/api/sessions/", {}),
        ("POST", "/api/sessions/", {"agent_configuration": 7}),
        ("POST", "/api/sessions/", {"agent_configuration": None}),
        ("PATCH", path, {}),
        ("PATCH", path, {"title": ""}),
        ("PATCH", path, {"title": "x" * 61}),
        ("PATCH", path, {"title": "nul\x00"}),
        ("POST", path + "read/", {}),
        ("POST", path + "read/", {"up_to": ["x"]}),
        ("GET", "/api/sessions/?order=newest", None),
        ("GET", "/api/sessions/?page_size=101", None),
        ("GET", f"/api/sessions/?q={'x' * 201}", None),
        ("GET", "/api/sessions/?q=%00", None),
        ("GET", f"{path}?mark_read=perhaps", None),
    ]
    for method, where, body in unfit:
        refused = await user.send(method, where, body, 422)
        assert refused["code"] == "invalid_input", where
        assert refused["errors"], where


async def test_foreign_unknown_and_malformed_ids_are_answered_alike(lingxi: Lingxi) -> None:
    owner, user = await lingxi.user(), await lingxi.user()
    agent = await owner.send("POST", "/api/agents/", {"name": "Lin"}, 201)
    said = await owner.say("Hello.", agent_id=agent["id"])
    session_id = said["session_id"]
    before = await owner.get(f"/api/sessions/{session_id}/")
    routes: list[tuple[str, str, Any]] = [
        ("GET", "/api/sessions/{}/", None),
        ("PATCH", "/api/sessions/{}/", {"title": "Mine"}),
        ("DELETE", "/api/sessions/{}/", None),
        ("GET", "/api/sessions/{}/messages/", None),
        ("POST", "/api/sessions/{}/read/", {"up_to": said["ai_message_id"]}),
        ("POST", "/api/sessions/{}/retry/", None),
        ("GET", "/api/sessions/{}/summary/", None),
        ("GET", "/api/chat/history/?session_id={}", None),
    ]
    for method, where, body in routes:
        answers = [
            await user.send(method, where.format(one), body, 404)
            for one in (session_id, new_id(), "no-id", session_id.replace("-", ""))
        ]
        assert answers == [answers[0]] * 4
        assert answers[0]["code"] == "session_not_found"
    agents = [
        [
            await user.send("POST", "/api/sessions/", {"agent_configuration": one}, 404)
            for one in (agent["id"], str(new_id()), "no-id")
        ],
        [await user.get(f"/api/sessions/?agent_id={one}", 404) for one in (agent["id"], "no-id")],
    ]
    assert {answer["code"] for answers in agents for answer in answers} == {"agent_not_found"}
    read = [
        await owner.send("POST", f"/api/sessions/{session_id}/read/", {"up_to": one}, 404)
        for one in (str(new_id()), "no-id")
    ]
    assert [answer["code"] for answer in read] == ["message_not_found"] * 2
    assert await owner.get(f"/api/sessions/{session_id}/") == before
