"""A new user's first hour: register, log in, make an agent, talk, go on, look back, tidy up."""

from datetime import datetime
from http import HTTPStatus

from lingxi_chassis.ids import new_id
from tests.e2e.client import PASSWORD, User, connection, log_in, problem, texts
from tests.fixtures.system import RunningSystem


async def test_register_log_in_and_change_the_account(system: RunningSystem) -> None:
    name = f"林 {new_id()}"
    async with connection(system.base_url) as http:
        body = {"username": name, "password": PASSWORD, "email": "lin@example.org"}
        made = await http.post("/api/auth/register/", json=body)
        assert made.status_code == HTTPStatus.CREATED
        registered = made.json()
        assert registered == {
            "id": registered["id"],
            "username": name,
            "email": "lin@example.org",
        }
        problem(await http.post("/api/auth/register/", json=body), 409, "username_taken")
        short = {"username": f"{name} 2", "password": "7 chars"}
        told = problem(await http.post("/api/auth/register/", json=short), 422, "invalid_input")
        (error,) = told["errors"]
        assert error["loc"] == ["body", "password"]
        assert error["msg"] == "must have at least 8 characters"
        wrong = {"username": name, "password": "another one"}
        problem(await http.post("/api/auth/login/", json=wrong), 401, "credentials_invalid")
        tokens = await log_in(http, name)
        assert tokens.keys() == {"access", "refresh"}
    async with connection(system.base_url, tokens["access"]) as http:
        me = (await http.get("/api/me/")).json()
        assert me.keys() == {"id", "username", "email", "timezone", "created_at"}
        assert (me["id"], me["username"]) == (registered["id"], name)
        assert datetime.fromisoformat(me["created_at"]).utcoffset() is not None
        zone = {"timezone": "Asia/Shanghai", "email": None}
        changed = (await http.patch("/api/me/", json=zone)).json()
        assert changed == {**me, **zone}
        assert (await http.get("/api/me/")).json() == changed


async def test_talk_go_on_and_look_back(user: User) -> None:
    agent = await user.create_agent('You are a pirate. Say "Arr!".', temperature=0.3)
    first = await user.say("My name is Lin.", agent_id=agent["id"])
    assert {"session_id", "user_message_id", "turn_id", "response", "ai_message_id"} <= first.keys()
    assert "Arr!" in first["response"]
    session_id = first["session_id"]
    second = await user.say("What is my name?", session_id=session_id)
    assert second["session_id"] == session_id
    assert "Your name is Lin." in second["response"]

    session = await user.session(session_id)
    assert session["agent_configuration"] == agent["id"]
    assert session["agent_name"] == agent["name"]
    assert session["notice"]
    assert session["turn"] is None
    said = session["messages"]
    assert [message["seq"] for message in said] == list(range(1, len(said) + 1))
    assert session["message_count"] == len(said)
    assert said == await user.messages(session_id)
    assert said[-1] == session["last_message"]
    assert [one["message"] for one in said if one["is_user"]] == [
        "My name is Lin.",
        "What is my name?",
    ]
    assert "\n\n".join(one["message"] for one in said if one["is_agent"]) == (
        f"{first['response']}\n\n{second['response']}"
    )
    assert [one["id"] for one in said if one["is_user"]] == [
        first["user_message_id"],
        second["user_message_id"],
    ]
    assert said[-1]["id"] == second["ai_message_id"]
    assert all(one["is_read"] for one in said)

    history = (await user.get("/api/chat/history/", session_id=session_id))["sessions"]
    assert [one["id"] for one in history] == [session_id]
    assert texts(history[0]["messages"]) == texts(said)
    assert history[0]["previous"] is None


async def test_pages_of_messages(user: User) -> None:
    session_id = (await user.say("0"))["session_id"]
    for number in range(1, 8):
        await user.say(str(number), session_id=session_id)
    everything = await user.messages(session_id)
    path = f"/api/sessions/{session_id}/messages/"
    newest = await user.get(path, limit=3)
    assert newest["results"] == everything[-3:]
    assert newest["next"] is None
    older = await user.get(newest["previous"])
    assert older["results"] == everything[-6:-3]
    assert (await user.get(older["next"]))["results"] == everything[-3:]
    seq = everything[4]["seq"]
    assert (await user.get(path, before=seq, limit=2))["results"] == everything[2:4]
    assert (await user.get(path, after=seq, limit=2))["results"] == everything[5:7]
    end = await user.get(path, after=everything[-1]["seq"])
    assert (end["results"], end["next"]) == ([], None)
    assert (await user.get(end["previous"]))["results"] == everything


async def test_rename_and_delete_a_session(user: User) -> None:
    session_id = (await user.say("hello"))["session_id"]
    path = f"/api/sessions/{session_id}/"
    renamed = await user.send("PATCH", path, {"title": "Trip to Kyoto 京都"})
    assert renamed["title"] == "Trip to Kyoto 京都"
    await user.say("and on", session_id=session_id)
    assert (await user.session(session_id))["title"] == "Trip to Kyoto 京都"
    found = await user.get("/api/sessions/", q="kyoto")
    assert [one["id"] for one in found["results"]] == [session_id]
    assert (await user.get("/api/sessions/", q="Osaka"))["count"] == 0
    await user.send("DELETE", path, {}, HTTPStatus.NO_CONTENT)
    for gone in (path, f"{path}messages/", f"{path}summary/"):
        problem(await user.http.get(gone), 404, "session_not_found")
    problem(await user.post_chat("still there?", session_id=session_id), 404, "session_not_found")
    assert (await user.get("/api/sessions/"))["count"] == 0


async def test_change_and_delete_an_agent(user: User) -> None:
    agent = await user.create_agent("You are calm.", mine={"colour": "蓝"})
    path = f"/api/agents/{agent['id']}/"
    assert agent["parameters"]["mine"] == {"colour": "蓝"}
    assert agent["parameters"]["model"]
    patch = {"parameters": {"temperature": 0.5, "mine": None}, "timings": {"daily_cap": 2}}
    patched = await user.send("PATCH", path, patch)
    assert patched["parameters"]["temperature"] == 0.5
    assert "mine" not in patched["parameters"]
    assert patched["timings"]["daily_cap"] == 2
    assert patched["personality_version"] == 1
    written = await user.send("PUT", path, {"name": "Ma", "parameters": {}})
    assert written["name"] == "Ma"
    assert "temperature" not in written["parameters"]
    assert written["timings"] is None
    assert await user.get(path) == written
    session_id = (await user.say("hello", agent_id=agent["id"]))["session_id"]
    await user.send("DELETE", path, {}, HTTPStatus.NO_CONTENT)
    problem(await user.http.get(path), 404, "agent_not_found")
    problem(await user.post_chat("hello?", agent_id=agent["id"]), 404, "agent_not_found")
    await user.gone(session_id)
    assert (await user.get("/api/sessions/"))["count"] == 0


async def test_the_ledger_of_a_personality(user: User) -> None:
    agent = await user.create_agent("One.")
    path = f"/api/agents/{agent['id']}/personality/"
    assert await user.send("PUT", path, {"personality_prompt": "Two."}) == {
        "success": True,
        "personality_prompt": "Two.",
    }
    await user.send("PATCH", f"/api/agents/{agent['id']}/", {"parameters": {"own": 1}})
    restored = await user.send("POST", f"{path}rollback/", {"version": 1})
    assert (restored["version"], restored["source"]) == (3, "rollback")
    assert restored["restored_from"] == 1
    entries = (await user.get(f"{path}history/"))["results"]
    assert [(one["version"], one["personality_prompt"], one["source"]) for one in entries] == [
        (3, "One.", "rollback"),
        (2, "Two.", "manual"),
        (1, "One.", "created"),
    ]
    unknown = await user.http.post(f"{path}rollback/", json={"version": 9})
    problem(unknown, 404, "personality_version_not_found")


async def test_read_marks(user: User) -> None:
    said = await user.say("hello", mark_read=False)
    session_id = said["session_id"]
    session = await user.session(session_id)
    unread = [message for message in session["messages"] if not message["is_read"]]
    assert unread
    assert unread == [message for message in session["messages"] if message["is_agent"]]
    assert session["unread_count"] == len(unread)
    assert session["first_unread_id"] == unread[0]["id"]
    read = f"/api/sessions/{session_id}/read/"
    await user.send("POST", read, {"up_to": said["ai_message_id"]}, HTTPStatus.NO_CONTENT)
    assert (await user.session(session_id))["unread_count"] == 0
    await user.say("and on", session_id=session_id, mark_read=False)
    assert (await user.session(session_id))["unread_count"] > 0
    shown = await user.get(f"/api/sessions/{session_id}/")
    assert (shown["unread_count"], shown["first_unread_id"]) == (0, None)
    assert (await user.session(session_id))["unread_count"] == 0


async def test_lists_in_pages_and_orders(user: User) -> None:
    agent = await user.create_agent()
    first, second, third = [
        (await user.send("POST", "/api/sessions/", {"agent_configuration": agent["id"]}, 201))["id"]
        for _ in range(3)
    ]
    await user.say("hello", session_id=first)

    async def ids(**params: str | int) -> list[str]:
        return [one["id"] for one in (await user.get("/api/sessions/", **params))["results"]]

    assert await ids() == [third, second, first]
    assert await ids(order="activity") == [first, third, second]
    assert await ids(agent_id=agent["id"]) == [third, second, first]
    page = await user.get("/api/sessions/", page_size=2)
    assert (page["count"], page["previous"]) == (3, None)
    rest = await user.get(page["next"])
    assert (rest["next"], [one["id"] for one in rest["results"]]) == (None, [first])
    assert await user.get(rest["previous"]) == page
    assert all(one["messages"] == [] for one in page["results"])
    assert await ids(page=9) == []
