"""A model that fails: a failed turn with its code, nothing said, and a retry that works."""

from typing import Any

import pytest

from lingxi_chassis.ids import new_id
from lingxi_contracts.chat import RetryTurn
from lingxi_contracts.errors import NothingToRetry, TurnOpen
from services.chat.tests.component.harness import RunningChat

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module")
def settings_of_module() -> dict[str, Any]:
    """A model that hangs is waited for only so long; it is time for every try of another one."""
    return {"TURN_DEADLINE_SECONDS": 3}


FAULTS: list[tuple[dict[str, Any], str, bool]] = [
    ({"do": "status", "status": 429}, "model_rate_limited", True),
    ({"do": "status", "status": 500, "message": "a provider's words"}, "model_unavailable", True),
    ({"do": "status", "status": 401}, "model_auth", False),
    ({"do": "status", "status": 400, "message": "no"}, "model_refused", False),
    ({"do": "unknown_model"}, "model_not_found", False),
    ({"do": "context_length"}, "context_too_long", False),
    ({"do": "refuse"}, "model_refused", False),
    ({"do": "hang"}, "model_timeout", True),
    ({"do": "hang", "after_chunks": 2}, "model_timeout", True),
    ({"do": "nonsense", "kind": "invalid_json"}, "bad_answer", True),
    ({"do": "nonsense", "kind": "html"}, "bad_answer", True),
    ({"do": "nonsense", "kind": "empty_choices"}, "bad_answer", True),
    ({"do": "empty"}, "bad_answer", True),
    ({"do": "raw", "content": "\n<next>\n "}, "bad_answer", True),
    ({"do": "raw", "content": f'{{"messages": {"[" * 1_500}1{"]" * 1_500}}}'}, "bad_answer", True),
    ({"do": "cut", "after_chunks": 2, "clean": True}, "bad_answer", True),
    ({"do": "cut", "after_chunks": 2}, "model_unavailable", True),
    ({"do": "stream_error", "after_chunks": 1, "message": "a provider's words"},
     "model_unavailable", True),
]  # fmt: skip


@pytest.mark.parametrize(("fault", "code", "retryable"), FAULTS)
async def test_a_failure_is_a_failed_turn_and_a_retry_works(
    chat: RunningChat, fault: dict[str, Any], code: str, retryable: bool
) -> None:
    """Guards `end_turn` and `AnswerTurns._attempt`: an error is an outcome, never a message."""
    await chat.model.fault(contains="please fail", **fault)
    failed = await chat.say("please fail")

    assert failed.status == "failed"
    assert failed.answer is None
    assert failed.failure is not None
    assert (failed.failure.code, failed.failure.retryable) == (code, retryable)
    turn = (await chat.session(failed.session_id)).turn
    assert turn is not None
    assert (turn.status, turn.turn_id, turn.code) == ("failed", failed.turn_id, code)
    assert [message.text for message in await chat.messages(failed.session_id)] == ["please fail"]
    assert await chat.work(failed.session_id) is None

    await chat.model.heal()
    retry = RetryTurn(user_id=chat.user_id, session_id=failed.session_id, turn_id=new_id())
    assert (await chat.ask(retry)).turn_id == retry.turn_id
    answered = await chat.outcome(failed)

    assert (answered.status, answered.turn_id) == ("answered", retry.turn_id)
    assert answered.answer is not None
    messages = await chat.messages(failed.session_id)
    assert [message.author for message in messages[:2]] == ["user", "agent"]
    detail = failed.failure.detail
    for text in [*(message.text for message in messages), *(await prompt_texts(chat))]:
        assert detail not in text
        assert "provider's words" not in text
    # A repeat of the retry, after the turn it started has ended.
    assert (await chat.ask(retry)).turn_id == retry.turn_id
    assert (await chat.logged(failed.session_id)).count("turn_started") == 2


async def prompt_texts(chat: RunningChat) -> list[str]:
    prompts = await chat.model.prompts("please fail")
    assert prompts
    return [message["content"] for prompt in prompts[-2:] for message in prompt]


async def test_the_next_post_after_a_failure_answers_both(chat: RunningChat) -> None:
    await chat.model.fault("status", contains="first fails", status=401)
    failed = await chat.say("first fails")
    assert failed.status == "failed"
    await chat.model.heal()

    second = await chat.say("second works", failed.session_id)
    first = await chat.outcome(failed)

    assert first.status == second.status == "answered"
    assert first.turn_id == second.turn_id != failed.turn_id
    (prompt,) = await chat.model.prompts("second works")
    assert [message["content"] for message in prompt[1:]] == ["first fails", "second works"]


async def test_a_post_during_a_failing_turn_starts_the_next_at_once(chat: RunningChat) -> None:
    await chat.model.fault("hang", contains="slow fail", times=1)
    failing = await chat.ask(chat.post("slow fail"))
    await chat.model.asked("slow fail")
    following = await chat.ask(chat.post("meanwhile", failing.session_id))

    outcome = await chat.outcome(following)
    assert outcome.status == "answered"
    assert (await chat.outcome(failing)).turn_id == outcome.turn_id
    logged = await chat.logged(failing.session_id)
    assert logged[logged.index("turn_failed") + 1] == "turn_started"


async def test_only_a_failed_turn_can_be_tried_again(chat: RunningChat) -> None:
    await chat.model.fault("hang", contains="open turn", times=1)
    opened = await chat.ask(chat.post("open turn"))
    retry = RetryTurn(user_id=chat.user_id, session_id=opened.session_id, turn_id=new_id())

    with pytest.raises(TurnOpen):
        await chat.ask(retry)
    await chat.model.heal()
    assert (await chat.outcome(opened)).status == "answered"
    with pytest.raises(NothingToRetry):
        await chat.ask(retry)


async def test_a_momentary_failure_is_not_even_seen(chat: RunningChat) -> None:
    await chat.model.fault("cut", contains="hiccup", times=1, after_chunks=1)
    said = await chat.say("hiccup")

    assert said.status == "answered"
    assert len(await chat.model.prompts("hiccup")) == 2
    assert "turn_failed" not in await chat.logged(said.session_id)
