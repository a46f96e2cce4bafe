"""The model client over HTTP: answers, tries, fallback, deadlines, giving up."""

import asyncio
from contextlib import aclosing

import pytest

from libs.chassis.tests.model.harness import QUIET_SECONDS, Harness, asks, harness
from lingxi_chassis.clock import monotonic
from lingxi_chassis.model.errors import (
    BadAnswer,
    ModelNotFound,
    ModelRateLimited,
    ModelRefused,
    ModelTimeout,
)
from lingxi_chassis.model.json_forms import JsonForm
from lingxi_chassis.model.messages import (
    Again,
    ChatMessage,
    ChatRequest,
    Completion,
    Delta,
    Priority,
)
from lingxi_chassis.model.tokens import estimate_prompt_tokens
from lingxi_chassis.model.tries import RetryPolicy
from tests.fixtures.waiting import eventually


async def test_a_stream_is_deltas_then_the_completion(model: Harness) -> None:
    model.fault(do="slow", delay_ms=1)
    parts = [part async for part in model.client.stream(asks("What a lovely day it is!"))]
    *deltas, completion = parts
    assert isinstance(completion, Completion)
    assert len(deltas) > 1
    assert "".join(one.text for one in deltas if isinstance(one, Delta)) == completion.text
    assert "What a lovely day it is!" in completion.text
    assert (completion.model, completion.finish_reason) == ("default-model", "stop")
    assert (completion.fallback_from, len(model.requests)) == (None, 1)
    assert completion.usage.completion_tokens > 0
    assert not completion.usage.estimated
    assert completion.latency_ms > 0


async def test_what_is_asked_for_reaches_the_provider(model: Harness) -> None:
    messages = [ChatMessage("system", "你是一个诗人。"), ChatMessage("user", "你好 😀")]
    request = ChatRequest(messages, model="other", temperature=0.3, max_tokens=7)
    text, completion = await model.stream(request)
    body = model.requests[0]["body"]
    assert body["messages"] == [
        {"role": "system", "content": "你是一个诗人。"},
        {"role": "user", "content": "你好 😀"},
    ]
    assert (body["model"], body["temperature"], body["max_tokens"]) == ("other", 0.3, 7)
    assert (completion.finish_reason, completion.model) == ("length", "other")
    assert text
    assert model.requests[0]["headers"]["authorization"] == "[hidden]"


async def test_a_failed_try_is_repeated_and_leaves_no_trace(model: Harness) -> None:
    model.fault(do="status", status=500, times=1)
    model.fault(do="empty", times=1)
    text, completion = await model.stream(asks())
    assert text == completion.text
    assert len(model.requests) == 3


async def test_a_stream_goes_through_a_cut_and_says_so(model: Harness) -> None:
    model.fault(do="cut", after_chunks=3, times=1)
    parts = [part async for part in model.client.stream(asks())]
    again = next(at for at, part in enumerate(parts) if isinstance(part, Again))
    assert any(isinstance(part, Delta) for part in parts[:again])
    *_, completion = parts
    assert isinstance(completion, Completion)
    told = [part.text for part in parts[again + 1 :] if isinstance(part, Delta)]
    assert "".join(told) == completion.text
    assert len(model.requests) == 2


async def test_a_stream_is_silent_about_tries_that_said_nothing(
    model: Harness,
) -> None:
    model.fault(do="status", status=500, times=1)
    parts = [part async for part in model.client.stream(asks())]
    assert not any(isinstance(part, Again) for part in parts)
    assert isinstance(parts[-1], Completion)


async def test_retry_after_is_honoured_within_the_budget(model: Harness) -> None:
    model.fault(do="status", status=429, retry_after_seconds=0.2, times=1)
    started = monotonic()
    await model.stream(asks())
    assert monotonic() - started >= 0.2
    model.fault(do="status", status=429, retry_after_seconds=30, times=1)
    with pytest.raises(ModelRateLimited) as raised:
        await model.stream(asks())
    assert raised.value.retry_after_seconds == 30
    assert len(model.requests) == 3


async def test_no_try_starts_after_the_budget() -> None:
    policy = RetryPolicy(budget_seconds=QUIET_SECONDS / 2, pause_seconds=0.01)
    async with harness(retries=policy) as model:
        model.fault(do="hang")
        with pytest.raises(ModelTimeout):
            await model.stream(asks())
        assert len(model.requests) == 1


async def test_the_deadline_ends_a_stream_that_never_falls_silent(model: Harness) -> None:
    model.fault(do="slow", delay_ms=50)
    started = monotonic()
    with pytest.raises(ModelTimeout):
        await model.stream(asks("word " * 60, deadline_seconds=0.4))
    assert monotonic() - started > 0.3


async def test_an_unknown_model_falls_back_and_the_answer_says_so(model: Harness) -> None:
    model.fault(do="unknown_model", model="mistyped")
    for calls_in_all in (2, 3):
        _, completion = await model.stream(asks(model="mistyped"))
        assert completion.fallback_from == "mistyped"
        assert completion.model == "default-model"
        assert len(model.requests) == calls_in_all  # the second time it is not asked again
    assert (await model.client.complete(asks(model="known"))).fallback_from is None


async def test_an_unknown_default_model_is_a_failure(model: Harness) -> None:
    model.fault(do="unknown_model")
    with pytest.raises(ModelNotFound):
        await model.stream(asks(model="mistyped"))
    assert [one["body"]["model"] for one in model.requests] == ["mistyped", "default-model"]


async def test_a_consumer_that_stops_closes_the_connection(model: Harness) -> None:
    model.fault(do="hang", after_chunks=1)
    async with aclosing(model.client.stream(asks())) as parts:
        assert isinstance(await anext(parts), Delta)
        assert model.running.connections == 1
    assert model.client.gate.free == 4
    await eventually(lambda: model.running.connections == 0)


async def test_cancelling_closes_the_connection(model: Harness) -> None:
    model.fault(do="hang")
    task = asyncio.create_task(model.stream(asks()))
    await eventually(lambda: len(model.requests) == 1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert model.client.gate.free == 4
    await eventually(lambda: model.running.connections == 0)


async def test_a_connection_is_used_again(model: Harness) -> None:
    for _ in range(5):
        await model.stream(asks())
    assert model.running.connections == 1


async def test_replies_go_before_background_work() -> None:
    async with harness(concurrency=1, quiet_seconds=5.0) as model:
        model.fault(do="hang", contains="first")
        first = asyncio.create_task(model.stream(asks("first")))
        await eventually(lambda: len(model.requests) == 1)
        later: list[asyncio.Task[object]] = []
        for text, priority in [
            ("background 1", Priority.BACKGROUND),
            ("background 2", Priority.BACKGROUND),
            ("reply 1", Priority.REPLY),
            ("reply 2", Priority.REPLY),
        ]:
            asked = model.stream(asks(text, priority=priority))
            later.append(asyncio.create_task(asked))
            waiting = len(later)
            await eventually(lambda waiting=waiting: model.client.gate.waiting == waiting)
        model.running.simulator.faults.remove()
        await asyncio.gather(first, *later)
        order = [one["body"]["messages"][0]["content"] for one in model.requests]
        assert order == ["first", "reply 1", "reply 2", "background 1", "background 2"]


async def test_waiting_for_a_slot_ends_at_the_deadline() -> None:
    async with harness(concurrency=1, quiet_seconds=5.0) as model:
        model.fault(do="hang", times=1)
        first = asyncio.create_task(model.stream(asks()))
        await eventually(lambda: len(model.requests) == 1)
        with pytest.raises(ModelTimeout):
            await model.stream(asks(deadline_seconds=0.1))
        assert model.client.gate.waiting == 0
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        assert (await model.stream(asks()))[0]


async def test_structured_answers_are_tried_until_they_are_json(model: Harness) -> None:
    schema = {"type": "object", "properties": {"title": {"type": "string", "maxLength": 9}}}
    model.fault(do="raw", content="I would rather not", times=1)
    model.fault(do="raw", content='```json\n{"title": "fenced"}\n```', times=1)
    answer = await model.client.complete_json(asks("A walk by the sea"), "summary", schema)
    assert (answer.value, len(model.requests)) == ({"title": "fenced"}, 2)
    answer = await model.client.complete_json(asks("A walk by the sea"), "summary", schema)
    assert answer.value == {"title": "A walk by"}
    model.fault(do="raw", content="{")
    with pytest.raises(BadAnswer):
        await model.client.complete_json(asks(), "summary", schema)


async def test_json_is_asked_for_in_the_form_the_provider_takes(model: Harness) -> None:
    schema = {"type": "object", "properties": {"title": {"type": "string", "maxLength": 9}}}
    model.fault(do="status", status=400, message="schemas are not permitted", times=2)
    model.fault(do="raw", content='{"title": "as an object"}')
    for _ in range(2):
        answer = await model.client.complete_json(asks(), "summary", schema)
        assert answer.value == {"title": "as an object"}
    bodies = [request["body"] for request in model.requests]
    forms = [body["response_format"]["type"] for body in bodies]
    assert forms == ["json_schema", "json_schema", "json_object", "json_object"]
    assert "maxLength" in str(bodies[0]["response_format"])
    assert "maxLength" not in str(bodies[1]["response_format"])
    assert '"maxLength":9' in bodies[2]["messages"][-1]["content"]


async def test_what_is_refused_in_every_form_stays_refused(model: Harness) -> None:
    model.fault(do="status", status=400, message="no such content")
    with pytest.raises(ModelRefused):
        await model.client.complete_json(asks(), "summary", {"type": "object"})
    assert len(model.requests) == len(JsonForm)


async def test_a_whole_answer_is_tried_again_after_a_cut(model: Harness) -> None:
    model.fault(do="cut", after_chunks=2, times=2)
    assert (await model.client.complete(asks())).text
    assert len(model.requests) == 3


async def test_estimates_are_corrected_by_returned_usage(model: Harness) -> None:
    request = asks("some words to be counted " * 20)
    estimate = estimate_prompt_tokens(request.messages)
    assert model.client.tokens.corrected("default-model", estimate) == estimate
    _, completion = await model.stream(request)
    expected = completion.usage.prompt_tokens
    assert abs(model.client.tokens.corrected("default-model", estimate) - expected) <= 1
