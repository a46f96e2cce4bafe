"""Faults meet whom they name, as often as they say, and look as providers' faults do."""

import asyncio
from typing import Any

import httpx
import pytest

from deploy.simulator.tests.harness import Asker, streamed_text
from tests.fixtures.waiting import eventually


async def test_a_rule_meets_whom_it_names(simulator: Asker) -> None:
    await simulator.faults(
        {"do": "status", "status": 503, "model": "bad"},
        {"do": "status", "status": 401, "contains": "whale"},
        {"do": "status", "status": 418, "streamed": True},
    )
    assert (await simulator.chat("hello")).status_code == 200
    assert (await simulator.chat("hello", model="bad")).status_code == 503
    assert (await simulator.chat("a whale!")).status_code == 401
    assert (await simulator.chat("a whale", "where?", "there")).status_code == 200
    assert (await simulator.chat("hello", stream=True)).status_code == 418


async def test_times_skip_and_switching_off(simulator: Asker) -> None:
    first, _ = await simulator.faults(
        {"do": "status", "status": 500, "times": 2, "skip": 1},
        {"do": "status", "status": 503, "contains": "never"},
    )
    codes = [(await simulator.chat("hello")).status_code for _ in range(4)]
    assert codes == [200, 500, 500, 200]
    listed = (await simulator.http.get("/faults")).json()
    assert [rule["met"] for rule in listed] == [3, 0]
    await simulator.http.delete("/faults", params={"id": first})
    assert len((await simulator.http.get("/faults")).json()) == 1
    await simulator.http.delete("/faults")
    assert (await simulator.chat("never")).status_code == 200


async def test_a_bad_rule_is_refused(simulator: Asker) -> None:
    for rules in ([{"do": "explode"}], [{"do": "hang", "sekonds": 3}], {"do": "hang"}):
        assert (await simulator.http.post("/faults", json=rules)).status_code == 422
    assert (await simulator.http.get("/faults")).json() == []


@pytest.mark.parametrize(
    ("rule", "status", "code"),
    [
        ({"do": "status", "status": 429, "retry_after_seconds": 2}, 429, "rate_limit_exceeded"),
        ({"do": "unknown_model"}, 404, "model_not_found"),
        ({"do": "context_length"}, 400, "context_length_exceeded"),
        ({"do": "status", "status": 400, "code": "mine"}, 400, "mine"),
    ],
)
async def test_errors_look_like_the_apis(
    simulator: Asker, rule: dict[str, Any], status: int, code: str
) -> None:
    await simulator.faults(rule)
    response = await simulator.chat("hello")
    assert response.status_code == status
    assert response.json()["error"]["code"] == code
    assert response.headers.get("retry-after") == ("2" if status == 429 else None)


async def test_raw_and_empty_content(simulator: Asker) -> None:
    content = '```json\n{"messages": ["a", "b"]}\n```'
    await simulator.faults({"do": "raw", "content": content, "times": 2}, {"do": "empty"})
    assert await simulator.say("hello") == content
    assert streamed_text(await simulator.chat("hello", stream=True)) == content
    assert await simulator.say("hello") == ""


async def test_a_cut_breaks_the_connection(simulator: Asker) -> None:
    await simulator.faults({"do": "cut", "after_chunks": 2, "times": 2}, {"do": "cut"})
    for stream in (True, False, True, False):
        with pytest.raises(httpx.RemoteProtocolError):
            await simulator.chat("hello", stream=stream)


async def test_a_clean_cut_only_lacks_its_end(simulator: Asker) -> None:
    await simulator.faults({"do": "cut", "after_chunks": 2, "clean": True})
    response = await simulator.chat("hello", stream=True)
    assert 'finish_reason":null' in response.text
    assert "stop" not in response.text
    assert "[DONE]" not in response.text


async def test_a_hang_ends_with_its_time_or_the_clients(simulator: Asker) -> None:
    await simulator.faults({"do": "hang", "seconds": 0.05, "times": 2}, {"do": "hang"})
    assert await simulator.say("hello")
    assert streamed_text(await simulator.chat("hello", stream=True))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await simulator.chat("hello")


async def test_a_hang_ends_when_it_is_switched_off(simulator: Asker) -> None:
    await simulator.faults({"do": "hang", "contains": "short"}, {"do": "hang", "seconds": 600})
    short, long = (asyncio.create_task(simulator.say(text)) for text in ("short", "long"))
    await eventually(lambda: met(simulator, [1, 1]))
    await simulator.http.delete("/faults", params={"id": 1})
    assert await short
    assert not long.done()
    await simulator.http.delete("/faults")
    assert await long


async def met(simulator: Asker, times: list[int]) -> bool:
    """Whether the rules were met that often."""
    listed = (await simulator.http.get("/faults")).json()
    return [rule["met"] for rule in listed] == times


async def test_requests_are_kept_without_secrets(simulator: Asker) -> None:
    await simulator.http.post(
        "/v1/chat/completions", content=b"{", headers={"Authorization": "Bearer sk-1"}
    )
    seen = (await simulator.http.get("/requests")).json()
    assert "sk-1" not in str(seen)
    assert seen["requests"][0]["body"] == "{"
    await simulator.say("hello")
    newer = (await simulator.http.get("/requests", params={"since": seen["last"]})).json()
    assert [one["body"]["messages"][1]["content"] for one in newer["requests"]] == ["hello"]
    await simulator.http.delete("/requests")
    assert (await simulator.http.get("/requests")).json() == {"last": 2, "requests": []}
