"""The model fails: a failed turn with a code, visible and retryable, and never a message.

What the provider says is in no answer, message or prompt. The simulator injects the faults.
"""

import asyncio
from http import HTTPStatus
from typing import Any

import pytest

from lingxi_chassis.ids import new_id
from tests.e2e.client import Json, User, new_user, problem
from tests.e2e.conftest import NewSystem
from tests.e2e.simulated import Model, model_of
from tests.fixtures.system import RunningSystem

SAID_BY_PROVIDER = "provider-secret-sk-12345"
"""A part of the error texts the simulator is told to give."""

FAILURES: dict[str, tuple[Json, str, bool]] = {
    "429": ({"do": "status", "status": 429}, "model_rate_limited", True),
    "429 with a long wait": (
        {"do": "status", "status": 429, "retry_after_seconds": 3600},
        "model_rate_limited",
        True,
    ),
    "no quota left": (
        {"do": "status", "status": 429, "code": "insufficient_quota"},
        "model_rate_limited",
        False,
    ),
    "500": ({"do": "status", "status": 500}, "model_unavailable", True),
    "503": ({"do": "status", "status": 503}, "model_unavailable", True),
    "504": ({"do": "status", "status": 504}, "model_timeout", True),
    "wrong key": ({"do": "status", "status": 401}, "model_auth", False),
    "unknown model": ({"do": "unknown_model"}, "model_not_found", False),
    "too long": ({"do": "context_length"}, "context_too_long", False),
    "content filter": ({"do": "refuse"}, "model_refused", False),
    "broken JSON": ({"do": "nonsense", "kind": "invalid_json"}, "bad_answer", True),
    "no choices": ({"do": "nonsense", "kind": "empty_choices"}, "bad_answer", True),
    "HTML": ({"do": "nonsense", "kind": "html"}, "bad_answer", True),
    "nothing": ({"do": "empty"}, "bad_answer", True),
    "only white space": ({"do": "raw", "content": " \n<next>\n "}, "bad_answer", True),
    "an empty list": ({"do": "raw", "content": '{"messages": []}'}, "bad_answer", True),
    "broken off": ({"do": "cut", "after_chunks": 1}, "model_unavailable", True),
    "an error within": (
        {"do": "stream_error", "status": 500, "after_chunks": 1},
        "model_unavailable",
        True,
    ),
}


@pytest.mark.parametrize("name", FAILURES)
async def test_a_failure_is_a_code_that_can_be_retried(
    user: User, model: Model, marker: str, name: str
) -> None:
    fault, code, retryable = FAILURES[name]
    rule = await model.fails(contains=marker, message=SAID_BY_PROVIDER, **fault)
    key = str(new_id())
    failed = await user.post_chat(marker, key)
    told = problem(failed, HTTPStatus.BAD_GATEWAY, code)
    assert told["retryable"] is retryable
    assert SAID_BY_PROVIDER not in failed.text
    session_id: str = told["session_id"]
    session = await user.session(session_id)
    turn = {"id": told["turn_id"], "status": "failed", "retryable": retryable}
    assert session["turn"] == {**turn, "code": code, "detail": told["detail"]}
    (posted,) = session["messages"]
    assert (posted["id"], posted["message"]) == (told["user_message_id"], marker)

    # A repeat gets its failure and asks the model nothing.
    asked = len(await model.prompts(marker))
    assert problem(await user.post_chat(marker, key), HTTPStatus.BAD_GATEWAY, code) == told
    assert len(await model.prompts(marker)) == asked

    await model.recovers(rule)
    retried = await user.send("POST", f"/api/sessions/{session_id}/retry/", {}, HTTPStatus.ACCEPTED)
    assert retried["turn_id"] != told["turn_id"]
    assert await user.turn_ends(session_id) is None
    answered = await user.say(marker, key)
    assert (answered["turn_id"], answered["session_id"]) == (retried["turn_id"], session_id)
    assert answered["user_message_id"] == told["user_message_id"]
    messages = await user.messages(session_id)
    assert [one["message"] for one in messages if one["is_user"]] == [marker]
    await _nothing_of_the_failure(user, model, session_id, marker, told)
    again = await user.http.post(f"/api/sessions/{session_id}/retry/")
    problem(again, HTTPStatus.CONFLICT, "nothing_to_retry")


async def test_the_next_message_takes_the_unanswered_one_along(
    user: User, model: Model, marker: str
) -> None:
    session_id = (await user.say(f"hello {marker}"))["session_id"]
    await model.fails(do="status", status=401, contains=f"{marker} 1", message=SAID_BY_PROVIDER)
    told = problem(await user.post_chat(f"{marker} 1", session_id=session_id), 502, "model_auth")
    answer = await user.say(f"{marker} 2", session_id=session_id)
    assert answer["turn_id"] != told["turn_id"]
    assert (await user.session(session_id))["turn"] is None
    newest = (await model.prompts(f"{marker} 2"))[-1]
    asked = [one["content"] for one in newest if one["role"] == "user"]
    assert asked[-2:] == [f"{marker} 1", f"{marker} 2"]
    await _nothing_of_the_failure(user, model, session_id, marker, told)


async def test_a_model_the_provider_does_not_know_is_replaced(
    user: User, model: Model, marker: str
) -> None:
    unknown = f"model-{marker}"
    agent = await user.create_agent(model=unknown)
    assert agent["parameters"]["model"] == unknown
    await model.fails(do="unknown_model", model=unknown)
    answer = await user.say(marker, agent_id=agent["id"])
    assert marker in answer["response"]
    assert [one["model"] for one in await model.requests(marker)] == [unknown, "simulator"]


async def test_a_short_failure_is_not_seen(user: User, model: Model, marker: str) -> None:
    await model.fails(do="status", status=500, contains=marker, times=2)
    answer = await user.say(marker)
    assert marker in answer["response"]
    assert len(await model.prompts(marker)) == 3


@pytest.mark.parametrize(
    ("raw", "bubbles"),
    [
        ("One.\n<next>\nTwo.", ["One.", "Two."]),
        ('{"messages": ["One.", "Two."]}', ["One.", "Two."]),
        ('```json\n{"messages": ["One.", "Two."]}\n```', ["One.", "Two."]),
        ("Just one, with <next> inside a line? No.", None),
        ("只有一条。", ["只有一条。"]),
    ],
)
async def test_replies_in_several_messages(
    user: User, model: Model, marker: str, raw: str, bubbles: list[str] | None
) -> None:
    await model.fails(do="raw", content=raw, contains=marker)
    answer = await user.say(marker)
    messages = await user.messages(answer["session_id"])
    said = [one["message"] for one in messages if one["is_agent"]]
    assert "\n\n".join(said) == answer["response"]
    assert not any("<next>" in text or '"messages"' in text for text in said)
    if bubbles is not None:
        assert said == bubbles
    assert [one["bubble"] for one in messages if one["is_agent"]] == list(range(len(said)))
    if len(said) > 1:
        assert [one["message"] for one in answer["messages"]] == said
        assert answer["messages"][-1]["id"] == answer["ai_message_id"]
    else:
        assert "messages" not in answer


async def test_retry_is_refused_while_a_turn_is_open(user: User, model: Model, marker: str) -> None:
    hangs = await model.fails(do="hang", seconds=0, contains=marker, times=1)
    key = str(new_id())
    waiting = asyncio.create_task(user.say(marker, key))
    await model.asked(marker)
    (session,) = (await user.get("/api/sessions/"))["results"]
    assert session["turn"]["status"] == "open"
    refused = await user.http.post(f"/api/sessions/{session['id']}/retry/")
    problem(refused, HTTPStatus.CONFLICT, "turn_open")
    await model.recovers(hangs)
    assert (await waiting)["session_id"] == session["id"]


@pytest.fixture(scope="module")
def impatient(new_system: NewSystem) -> RunningSystem:
    """A system that waits for nothing long."""
    return new_system(TURN_DEADLINE_SECONDS="8", REPLY_WAIT_SECONDS="1")


async def test_a_model_that_hangs(impatient: RunningSystem, marker: str) -> None:
    async with new_user(impatient.base_url) as user, model_of(impatient.simulator_url) as model:
        rule = await model.fails(do="hang", seconds=0, contains=marker)
        key = str(new_id())
        waited = await user.post_chat(marker, key)
        assert waited.status_code == HTTPStatus.ACCEPTED
        pending: dict[str, Any] = waited.json()
        session_id: str = pending["session_id"]
        assert pending == {
            "session_id": session_id,
            "user_message_id": pending["user_message_id"],
            "turn_id": pending["turn_id"],
            "status": "pending",
        }
        shown = (await user.session(session_id))["turn"]
        assert shown == {"id": pending["turn_id"], "status": "open"}
        turn = await user.turn_ends(session_id)
        assert turn is not None
        assert (turn["id"], turn["status"]) == (pending["turn_id"], "failed")
        assert (turn["code"], turn["retryable"]) == ("model_timeout", True)
        told = problem(await user.post_chat(marker, key), 502, "model_timeout")
        assert told["turn_id"] == pending["turn_id"]
        await model.recovers(rule)
        await user.send("POST", f"/api/sessions/{session_id}/retry/", {}, HTTPStatus.ACCEPTED)
        assert await user.turn_ends(session_id) is None
        assert (await user.say(marker, key))["user_message_id"] == pending["user_message_id"]


async def test_a_slow_reply_is_pending_and_then_there(
    impatient: RunningSystem, marker: str
) -> None:
    async with new_user(impatient.base_url) as user, model_of(impatient.simulator_url) as model:
        hangs = await model.fails(do="hang", seconds=0, contains=marker, times=1)
        key = str(new_id())
        first = await user.post_chat(marker, key)
        assert first.status_code == HTTPStatus.ACCEPTED
        await model.recovers(hangs)
        pending = first.json()
        assert await user.turn_ends(pending["session_id"]) is None
        answer = await user.say(marker, key)
        assert answer["turn_id"] == pending["turn_id"]
        assert answer["user_message_id"] == pending["user_message_id"]
        session = await user.session(pending["session_id"])
        assert session["last_message"]["id"] == answer["ai_message_id"]


async def _nothing_of_the_failure(
    user: User, model: Model, session_id: str, marker: str, told: Json
) -> None:
    """No message and no prompt has the failure's words, ours or the provider's."""
    said = [one["message"] for one in await user.messages(session_id)]
    prompts = [one["content"] for prompt in await model.prompts(marker) for one in prompt]
    for text in (*said, *prompts):
        assert SAID_BY_PROVIDER not in text
        assert told["detail"] not in text
        assert told["code"] not in text
