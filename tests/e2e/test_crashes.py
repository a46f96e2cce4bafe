"""`kill -9` of any process in the middle of a turn: nothing is lost, and nothing said twice."""

import asyncio

import httpx
import pytest

from lingxi_chassis.ids import new_id
from tests.e2e.client import Json, User, new_user, say_until_answered
from tests.e2e.simulated import Model
from tests.fixtures.system import RunningSystem


async def answered_once(user: User, answer: Json, text: str) -> None:
    """The session holds the message once, and one answer to it: this one."""
    messages = await user.messages(answer["session_id"])
    assert [one["message"] for one in messages if one["is_user"]] == [text]
    assert {one["turn_id"] for one in messages} == {answer["turn_id"]}
    said = [one["message"] for one in messages if one["is_agent"]]
    assert "\n\n".join(said) == answer["response"]
    assert [one["seq"] for one in messages] == list(range(1, len(messages) + 1))


async def test_chat_dies_while_the_model_thinks(
    system: RunningSystem, user: User, model: Model, marker: str
) -> None:
    await model.fails(do="hang", seconds=0, contains=marker, times=1)
    key = str(new_id())
    waiting = asyncio.create_task(say_until_answered(user, marker, key))
    await model.asked(marker)
    await system.kill("chat")
    repeated = await say_until_answered(user, marker, key)
    assert await waiting == repeated
    await answered_once(user, repeated, marker)
    assert len(await model.prompts(marker)) == 2
    assert await user.turn_ends(repeated["session_id"]) is None


async def test_the_gateway_dies_while_the_model_thinks(
    system: RunningSystem, user: User, model: Model, marker: str
) -> None:
    hangs = await model.fails(do="hang", seconds=0, contains=marker, times=1)
    key = str(new_id())
    waiting = asyncio.create_task(user.post_chat(marker, key))
    await model.asked(marker)
    await system.kill("gateway")
    with pytest.raises(httpx.TransportError):
        await waiting
    await model.recovers(hangs)
    (session,) = (await user.get("/api/sessions/"))["results"]
    assert await user.turn_ends(session["id"]) is None
    answer = await user.say(marker, key)
    await answered_once(user, answer, marker)
    assert len(await model.prompts(marker)) == 1


@pytest.mark.parametrize("name", ["postgres", "nats", "agent"])
async def test_a_server_or_the_agent_service_dies(
    system: RunningSystem, user: User, model: Model, marker: str, name: str
) -> None:
    hangs = await model.fails(do="hang", seconds=0, contains=marker, times=1)
    key = str(new_id())
    waiting = asyncio.create_task(say_until_answered(user, marker, key))
    await model.asked(marker)
    await system.kill(name)
    await model.recovers(hangs)
    answer = await waiting
    await answered_once(user, answer, marker)
    assert await user.say(marker, key) == answer


async def test_everything_dies(
    system: RunningSystem, user: User, model: Model, marker: str
) -> None:
    before = await user.say("before")
    await model.fails(do="hang", seconds=0, contains=marker, times=1)
    key = str(new_id())
    waiting = asyncio.create_task(say_until_answered(user, marker, key))
    await model.asked(marker)
    await system.kill(*(name for name in system.pids if name != "simulator"))
    answer = await waiting
    await answered_once(user, answer, marker)
    await answered_once(user, before, "before")
    async with new_user(system.base_url, user.username) as again:
        assert (await again.get("/api/sessions/"))["count"] == 2
