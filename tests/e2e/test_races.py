"""Several requests at the same moment: one recorded effect, and an answer for everybody."""

import asyncio
from http import HTTPStatus

import pytest

from lingxi_chassis.ids import new_id
from tests.e2e.client import Json, NewUser, User, problem
from tests.e2e.simulated import Model
from tests.fixtures.waiting import eventually

JOINED_SECONDS = 0.3
"""Until then a repeat has joined the turn, or would have had an answer of its own."""


async def test_one_key_posted_five_times_at_once(user: User, model: Model, marker: str) -> None:
    key = str(new_id())
    answers = await asyncio.gather(*(user.say(marker, key) for _ in range(5)))
    assert answers == [answers[0]] * 5
    (session,) = (await user.get("/api/sessions/"))["results"]
    assert session["id"] == answers[0]["session_id"]
    messages = await user.messages(session["id"])
    assert [one["message"] for one in messages if one["is_user"]] == [marker]
    assert {one["turn_id"] for one in messages} == {answers[0]["turn_id"]}
    assert len(await model.prompts(marker)) == 1
    assert await user.say(marker, key) == answers[0]
    assert await user.messages(session["id"]) == messages


async def test_six_first_posts_at_once_make_one_default_agent(user: User) -> None:
    answers = await asyncio.gather(*(user.say(f"first {number}") for number in range(6)))
    (agent,) = (await user.get("/api/agents/"))["results"]
    assert agent["name"] == "default"
    sessions = (await user.get("/api/sessions/"))["results"]
    assert {one["id"] for one in sessions} == {answer["session_id"] for answer in answers}
    assert len(sessions) == 6
    assert {one["agent_configuration"] for one in sessions} == {agent["id"]}


async def prompts_of_turns(model: Model, marker: str) -> list[list[Json]]:
    """Without those of a summary, which may fall due meanwhile and asks for JSON."""
    asked = await model.requests(marker)
    return [body["messages"] for body in asked if "response_format" not in body]


async def test_what_is_posted_while_a_turn_is_open_is_answered_together_next(
    user: User, model: Model, marker: str
) -> None:
    hangs = await model.fails(do="hang", seconds=0, contains=f"{marker} 0", times=1)
    session_id = (await user.say("hello"))["session_id"]
    first = asyncio.create_task(user.say(f"{marker} 0", session_id=session_id))
    await model.asked(f"{marker} 0")
    saying = asyncio.gather(
        *(user.say(f"{marker} {number}", session_id=session_id) for number in range(1, 5))
    )

    async def all_posted() -> bool:
        said = [one["message"] for one in await user.messages(session_id)]
        return all(f"{marker} {number}" in said for number in range(5))

    await eventually(all_posted)
    await model.recovers(hangs)
    later, answered = await saying, await first
    assert {answer["turn_id"] for answer in later} == {later[0]["turn_id"]}
    assert {answer["response"] for answer in later} == {later[0]["response"]}
    assert answered["turn_id"] != later[0]["turn_id"]
    prompts = await prompts_of_turns(model, marker)
    assert len(prompts) == 2
    newest = [message["content"] for message in prompts[1] if marker in message["content"]]
    posted = [one["message"] for one in await user.messages(session_id) if one["is_user"]][1:]
    assert [text for text in newest if text in posted] == posted
    assert set(posted) == {f"{marker} {number}" for number in range(5)}


async def test_a_burst_is_answered_once_each(user: User, model: Model, marker: str) -> None:
    session_id = (await user.say("hello"))["session_id"]
    sent = [f"{marker} {number}." for number in range(12)]
    answers = await asyncio.gather(*(user.say(text, session_id=session_id) for text in sent))
    messages = await user.messages(session_id)
    assert [one["seq"] for one in messages] == list(range(1, len(messages) + 1))
    posted = [one for one in messages if one["is_user"]][1:]
    assert sorted(one["message"] for one in posted) == sorted(sent)
    turn_of = {answer["user_message_id"]: answer["turn_id"] for answer in answers}
    assert {one["id"]: one["turn_id"] for one in posted} == turn_of
    replies: dict[str, list[str]] = {}
    for one in messages:
        if one["is_agent"]:
            replies.setdefault(one["turn_id"], []).append(one["message"])
    assert {answer["response"] for answer in answers} == {
        "\n\n".join(replies[turn_id]) for turn_id in set(turn_of.values())
    }
    assert len(await prompts_of_turns(model, marker)) == len(set(turn_of.values()))


async def test_a_repeat_joins_the_turn_in_flight(user: User, model: Model, marker: str) -> None:
    hangs = await model.fails(do="hang", seconds=0, contains=marker, times=1)
    key = str(new_id())
    first = asyncio.create_task(user.say(marker, key))
    await model.asked(marker)
    repeat = asyncio.create_task(user.say(marker, key))
    assert await asyncio.wait([repeat], timeout=JOINED_SECONDS) == (set(), {repeat})
    await model.recovers(hangs)
    assert await repeat == await first
    assert len(await model.prompts(marker)) == 1


async def test_a_key_belongs_to_one_request_of_one_user(users: NewUser) -> None:
    lin, ma = await users(), await users()
    key = "order 66".replace(" ", "-")
    first = await lin.say("hello", key)
    problem(await lin.post_chat("hello!", key), 422, "idempotency_key_reused")
    elsewhere = await lin.say("another session")
    moved = await lin.post_chat("hello", key, session_id=elsewhere["session_id"])
    problem(moved, 422, "idempotency_key_reused")
    agent = await lin.create_agent()
    problem(await lin.post_chat("hello", key, agent_id=agent["id"]), 422, "idempotency_key_reused")
    assert (await lin.say("hello", key)) == first
    theirs = await ma.say("something else", key)
    assert theirs["session_id"] != first["session_id"]
    assert theirs["user_message_id"] != first["user_message_id"]


async def test_a_repeat_without_a_session_finds_the_first_one(user: User) -> None:
    key = str(new_id())
    first = await user.say("hello", key)
    await user.say("and on", session_id=first["session_id"])
    assert await user.say("hello", key) == first
    assert (await user.get("/api/sessions/"))["count"] == 1


@pytest.mark.parametrize("key", ["", "k" * 256, "two words", "schlüssel"])
async def test_an_unfit_key(user: User, key: str) -> None:
    headers = {b"Idempotency-Key": key.encode()}
    answer = await user.http.post("/api/chat/", json={"message": "hello"}, headers=headers)
    problem(answer, 422, "invalid_input")
    longest = await user.say("hello", "k" * 255)
    assert longest["response"]


async def test_deleting_a_session_ends_the_wait_for_its_answer(
    user: User, model: Model, marker: str
) -> None:
    await model.fails(do="hang", seconds=0, contains=marker)
    key = str(new_id())
    waiting = asyncio.create_task(user.post_chat(marker, key))
    await model.asked(marker)
    (session,) = (await user.get("/api/sessions/"))["results"]
    deleted = await user.http.delete(f"/api/sessions/{session['id']}/")
    assert deleted.status_code == HTTPStatus.NO_CONTENT
    problem(await waiting, 404, "session_not_found")
    problem(await user.post_chat(marker, key), 404, "session_not_found")


async def test_sessions_do_not_wait_for_one_another(user: User, model: Model, marker: str) -> None:
    await model.fails(do="hang", seconds=0, contains=marker)
    stuck = asyncio.create_task(user.post_chat(marker))
    await model.asked(marker)
    others: list[Json] = await asyncio.gather(*(user.say(f"other {n}") for n in range(4)))
    assert all(answer["response"] for answer in others)
    assert not stuck.done()
    stuck.cancel()
    with pytest.raises(asyncio.CancelledError):
        await stuck
    sessions = (await user.get("/api/sessions/"))["results"]
    (open_one,) = [one["id"] for one in sessions if one["turn"] is not None]
    # So that no slot stays taken: hanging up stops nothing.
    await user.send("DELETE", f"/api/sessions/{open_one}/", {}, HTTPStatus.NO_CONTENT)


async def test_agents_of_one_name_made_at_once(user: User) -> None:
    body = {"name": "Ada"}
    made = await asyncio.gather(*(user.http.post("/api/agents/", json=body) for _ in range(4)))
    assert sorted(answer.status_code for answer in made) == [201, 409, 409, 409]
    for answer in made:
        if answer.status_code == HTTPStatus.CONFLICT:
            problem(answer, 409, "agent_name_taken")
    assert (await user.get("/api/agents/"))["count"] == 1


async def test_one_user_name_registered_at_once(user: User) -> None:
    body = {"username": f"user {new_id()}", "password": "long enough"}
    path = "/api/auth/register/"
    made = await asyncio.gather(*(user.http.post(path, json=body) for _ in range(4)))
    assert sorted(answer.status_code for answer in made) == [201, 409, 409, 409]
