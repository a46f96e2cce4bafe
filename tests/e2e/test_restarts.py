"""Restarts: data survives one of everything, and requests survive those of single services."""

import asyncio

import pytest

from lingxi_chassis.ids import new_id
from tests.e2e.client import Json, User, connection, log_in, new_user, say_until_answered
from tests.fixtures.servers import reachable_folder
from tests.fixtures.system import RunningSystem

MESSAGES_MAX = 400
"""How much is said at most while services restart."""


async def shown(user: User) -> Json:
    """All that a user can see of what is kept."""
    sessions = await user.get("/api/sessions/")
    return {
        "me": await user.get("/api/me/"),
        "agents": await user.get("/api/agents/"),
        "sessions": sessions,
        "messages": [await user.messages(one["id"]) for one in sessions["results"]],
    }


async def test_data_survives_a_restart_of_everything() -> None:
    key = str(new_id())
    with reachable_folder() as folder:
        with RunningSystem(folder / "data") as system:
            async with new_user(system.base_url) as user:
                agent = await user.create_agent("You are a pirate.")
                said = await user.say("hello", key, agent_id=agent["id"])
                await user.say("default", mark_read=False)
                kept = await shown(user)
        with RunningSystem(folder / "data") as system:
            async with connection(system.base_url, user.access) as http:
                assert await shown(User(http, user.username, user.access, user.refresh)) == kept
                assert (await log_in(http, user.username))["access"]
            async with new_user(system.base_url, user.username) as again:
                assert await again.say("hello", key, agent_id=agent["id"]) == said
                more = await again.say("go on", session_id=said["session_id"])
                assert len(await again.messages(more["session_id"])) > len(kept["messages"][1])


@pytest.mark.parametrize("name", ["agent", "chat", "gateway"])
async def test_a_service_restarts_while_requests_run(
    system: RunningSystem, user: User, name: str
) -> None:
    said_before = len(system.output)
    answers = [await user.say("message 0")]
    session = {"session_id": answers[0]["session_id"]}

    async def say_next() -> None:
        text = f"message {len(answers)}"
        answers.append(await say_until_answered(user, text, str(new_id()), **session))

    restarting = asyncio.create_task(system.restart(name))
    while not restarting.done() and len(answers) < MESSAGES_MAX:
        await say_next()
    await restarting
    await say_next()
    messages = await user.messages(session["session_id"])
    posted = [one for one in messages if one["is_user"]]
    assert [one["message"] for one in posted] == [f"message {n}" for n in range(len(answers))]
    assert [one["id"] for one in posted] == [answer["user_message_id"] for answer in answers]
    turns = list(dict.fromkeys(one["turn_id"] for one in messages))
    assert turns == [answer["turn_id"] for answer in answers]
    assert "crashed" not in system.output[said_before:]
