"""A client of the original product's REST API works here, but for the documented differences.

It knows the original's routes and field names, keeps its first refresh token for ever, and reads no
field that is new.
"""

from http import HTTPStatus

import httpx

from tests.e2e.client import NewUser, User, connection, problem
from tests.e2e.simulated import Model
from tests.fixtures.system import RunningSystem


async def test_create_list_and_talk_to_an_agent(user: User) -> None:
    body = {
        "name": "Ada",
        "parameters": {"personality_prompt": "You are a botanist.", "temperature": 0.7},
    }
    agent = await user.send("POST", "/api/agents/", body, HTTPStatus.CREATED)
    listed = await user.get("/api/agents/")
    assert (listed["count"], listed["next"], listed["previous"]) == (1, None, None)
    (shown,) = listed["results"]
    assert shown["id"] == agent["id"]
    assert shown["name"] == "Ada"
    assert shown["parameters"]["model"]
    assert shown["parameters"]["personality_prompt"] == "You are a botanist."

    said = await user.say("Hello Ada", agent_id=agent["id"])
    again = await user.say("Do you like ferns?", session_id=said["session_id"])
    assert again["session_id"] == said["session_id"]
    assert again["response"]

    (session,) = (await user.get("/api/chat/history/", session_id=said["session_id"]))["sessions"]
    assert session["id"] == said["session_id"]
    assert session["agent_configuration"] == agent["id"]
    for message in session["messages"]:
        assert isinstance(message["chat_date"], str)
        assert message["is_user"] is not message["is_agent"]
        assert (message["is_agent_growth"], message["critical"]) == (False, False)
        assert (message["critical_type"], message["metadata"]) == (None, {})
    asked = [one["message"] for one in session["messages"] if one["is_user"]]
    assert asked == ["Hello Ada", "Do you like ferns?"]

    sessions = await user.get("/api/sessions/")
    assert (sessions["count"], [one["id"] for one in sessions["results"]]) == (
        1,
        [said["session_id"]],
    )
    (one,) = sessions["results"]
    assert one.keys() >= {"title", "started_at", "summary", "agent_configuration", "current_state"}


async def test_the_very_next_reply_has_the_new_personality(
    user: User, model: Model, marker: str
) -> None:
    agent = await user.create_agent('You are a botanist. Say "Ferns!".')
    said = await user.say("Hello", agent_id=agent["id"])
    assert "Ferns!" in said["response"]
    new = f'You are a sailor, {marker}. Say "Ahoy!".'
    path = f"/api/agents/{agent['id']}/personality/"
    updated = await user.send("PATCH", path, {"personality_prompt": new})
    assert updated == {"success": True, "personality_prompt": new}
    reply = await user.say("And now?", session_id=said["session_id"])
    assert "Ahoy!" in reply["response"]
    assert "Ferns!" not in reply["response"]
    (prompt,) = await model.prompts(marker)
    system = [one["content"] for one in prompt if one["role"] == "system"]
    assert "botanist" not in "".join(system)
    assert new in system[0]
    assert [one["content"] for one in prompt if one["role"] == "user"] == ["Hello", "And now?"]


async def test_history_without_a_session(user: User) -> None:
    sessions = [(await user.say(f"session {number}"))["session_id"] for number in range(3)]
    history = (await user.get("/api/chat/history/"))["sessions"]
    assert [one["id"] for one in history] == sessions[::-1]
    assert [one["messages"][0]["message"] for one in history] == [
        "session 2",
        "session 1",
        "session 0",
    ]
    assert len((await user.get("/api/chat/history/", limit=2))["sessions"]) == 2


async def test_the_first_refresh_token_works_again_until_its_successor_is_used(
    system: RunningSystem, users: NewUser
) -> None:
    user = await users()
    async with connection(system.base_url) as http:

        async def refresh(token: str) -> httpx.Response:
            return await http.post("/api/auth/refresh/", json={"refresh": token})

        first, second = [(await refresh(user.refresh)).json() for _ in range(2)]
        for tokens in (first, second):
            async with connection(system.base_url, tokens["access"]) as again:
                assert (await again.get("/api/me/")).json()["username"] == user.username
        successor = await refresh(second["refresh"])
        assert successor.status_code == HTTPStatus.OK
        problem(await refresh(user.refresh), 401, "token_invalid")
        # Using a spent one ends the whole family.
        problem(await refresh(successor.json()["refresh"]), 401, "token_invalid")
        problem(await user.http.get("/api/me/"), 401, "token_invalid")
