"""`kill -9` of the worker in the middle of a stop, a regeneration and an edit: each happens once.

What was asked for without an answer may have been done or not, but never twice nor by half.
"""

import asyncio

import httpx
import pytest

from tests.e2e.client import RECOVERED_SECONDS_MAX, Json, User
from tests.e2e.feed import feed
from tests.e2e.simulated import Model
from tests.fixtures.system import RunningSystem
from tests.fixtures.waiting import eventually


async def shown(user: User, session_id: str) -> list[tuple[bool, str]]:
    """`(by the user, text)` of what is shown; `seq` has no number twice."""
    everything = await user.get(f"/api/sessions/{session_id}/messages/?superseded=true&after=0")
    numbers = [one["seq"] for one in everything["results"]]
    assert numbers == list(range(1, len(numbers) + 1))
    return [(one["is_user"], one["message"]) for one in await user.messages(session_id)]


async def steered(user: User, method: str, path: str, body: Json | None = None) -> int | None:
    """The status of a control; None: no answer came."""
    try:
        return (await user.http.request(method, path, json=body)).status_code
    except httpx.TransportError:
        return None


async def ended(user: User, session_id: str) -> Json | None:
    """The session's turn once the crash is over and none is open."""
    return await user.turn_ends(session_id, RECOVERED_SECONDS_MAX)


@pytest.mark.parametrize("together", [True, False])
async def test_a_worker_dies_while_its_turn_is_stopped(
    system: RunningSystem, user: User, model: Model, marker: str, together: bool
) -> None:
    session_id = (await user.say("Hello."))["session_id"]
    before = await shown(user, session_id)
    hangs = await model.fails(do="hang", seconds=0, contains=marker, after_chunks=3)
    async with feed(user.http) as told:
        posting = asyncio.create_task(user.post_chat(marker, "once", session_id=session_id))
        async for frame in told:
            if frame.event == "delta":
                break
    stopping = asyncio.create_task(steered(user, "POST", f"/api/sessions/{session_id}/stop/"))
    if not together:
        assert await stopping == 202
    await system.kill("chat")
    stopped = await stopping
    await model.recovers(hangs)

    turn = await ended(user, session_id)
    await posting
    said = (await shown(user, session_id))[len(before) :]
    assert said[0] == (True, marker)
    assert not any(by_user for by_user, _ in said[1:])
    if stopped == 202:  # what was said is kept by whom it told, or nothing is
        assert (turn is None) == (len(said) > 1)
        assert turn is None or turn["code"] == "stopped"
        assert len(await model.prompts(marker)) == 1
    again = await user.post_chat(marker, "once", session_id=session_id)
    assert again.status_code == (200 if turn is None else 502)
    assert (await shown(user, session_id))[len(before) :] == said


async def test_a_worker_dies_while_it_makes_another_answer(
    system: RunningSystem, user: User, model: Model, marker: str
) -> None:
    answer = await user.say(marker)
    session_id = answer["session_id"]
    before = await shown(user, session_id)
    await model.fails(do="hang", seconds=0, contains=marker, times=1)
    path = f"/api/sessions/{session_id}/regenerate/"
    statuses = await asyncio.gather(*(steered(user, "POST", path) for _ in range(2)))
    assert sorted(status or 0 for status in statuses) == [202, 409]

    async def asked_again() -> bool:
        return len(await model.prompts(marker)) == 2

    await eventually(asked_again)
    assert await shown(user, session_id) == before  # it stands until the other one is there
    await system.kill("chat")

    assert await ended(user, session_id) is None
    assert len(await model.prompts(marker)) == 3
    after = await user.get(f"/api/sessions/{session_id}/messages/", superseded="true", after=0)
    agents = [one for one in after["results"] if one["is_agent"]]
    replaced = [one["message"] for one in agents if one.get("superseded_by")]
    kept = [one for one in agents if not one.get("superseded_by")]
    assert [(False, text) for text in replaced] == before[1:]
    assert {one["turn_id"] for one in kept} == {one.get("superseded_by") for one in agents} - {None}


@pytest.mark.parametrize("together", [True, False])
async def test_a_worker_dies_while_a_message_is_edited(
    system: RunningSystem, user: User, model: Model, marker: str, together: bool
) -> None:
    answer = await user.say("Said so.")
    session_id = answer["session_id"]
    path = f"/api/sessions/{session_id}/messages/{answer['user_message_id']}/"
    hangs = await model.fails(do="hang", seconds=0, contains=marker, times=1)
    editing = asyncio.create_task(steered(user, "PATCH", path, {"message": marker}))
    if not together:
        assert await editing == 202
        await model.asked(marker)
    await system.kill("chat")
    await model.recovers(hangs)
    first = await editing
    await ended(user, session_id)
    if first != 202:  # nobody knows: asked again, it is done, or was
        assert await steered(user, "PATCH", path, {"message": marker}) in (202, 409)
    assert await ended(user, session_id) is None

    said = await shown(user, session_id)
    assert [text for by_user, text in said if by_user] == [marker]
    turns = {one["turn_id"] for one in await user.messages(session_id)}
    assert len(turns) == 1
    assert len(said) > 1
