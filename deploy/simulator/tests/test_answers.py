"""Answers are deterministic and show what was in the prompt."""

from typing import Any

import pytest

from deploy.simulator.tests.harness import SPLIT, Asker, events, streamed_text


async def test_the_same_prompt_gets_the_same_words(simulator: Asker) -> None:
    assert await simulator.say("Hi there") == await simulator.say("Hi there")


async def test_the_personality_shows(simulator: Asker) -> None:
    pirate = await simulator.say("Hi there")
    butler = await simulator.say("Hi there", system='You are a stiff butler. Say "Very well, sir".')
    assert "a cheerful pirate" in pirate
    assert "a stiff butler" in butler
    assert "Very well, sir" in butler


async def test_date_and_instructions_are_no_personality(simulator: Asker) -> None:
    prompt = "{}\n\nYour name is Nova.\nIt is Sunday, 2026-11-22 15:{} for the user.\n\n" + SPLIT
    said = await simulator.say("Hi there", system=prompt.format("You are kind.", 30))
    assert "Speaking as kind" in said
    assert said == await simulator.say("Hi there", system=prompt.format("You are kind.", 31))
    assert "Speaking as" not in await simulator.say("Hi there", system=prompt.format("", 30))


async def test_the_newest_message_and_the_history_show(simulator: Asker) -> None:
    said = await simulator.say("I saw a whale", "Really?", "It was blue")
    assert "It was blue" in said
    assert "I saw a whale" in said
    asked = await simulator.say("I saw a whale", "Really?", "What did I just say?")
    assert "“I saw a whale”" in asked


async def test_every_message_of_a_burst_shows(simulator: Asker) -> None:
    burst = [{"role": "user", "content": text} for text in ("one fish", "two fish")]
    said = await simulator.say(messages=burst)
    assert "one fish" in said
    assert "two fish" in said


@pytest.mark.parametrize(
    ("said", "system", "name"),
    [
        (("My name is Ada.", "Hello", "What is my name?"), "", "Ada"),
        (("我叫小明。", "你好", "我叫什么？"), "", "小明"),
        (("What is my name?",), "You are kind.\n\n# Facts\n- The user's name is Bo", "Bo"),
    ],
)
async def test_the_name_is_known(
    simulator: Asker, said: tuple[str, ...], system: str, name: str
) -> None:
    assert name in await simulator.say(*said, system=system)


async def test_facts_and_summary_show(simulator: Asker) -> None:
    system = (
        "You are kind.\n\nWhat you remember about the user:\n- The user likes green tea\n"
        "- The user has a cat\n\nSummary of the conversation so far:\nThey met at the harbour."
    )
    said = await simulator.say("I need some tea", system=system)
    assert "green tea" in said
    assert "They met at the harbour" in said
    known = await simulator.say("What do you know about me?", system=system)
    assert "green tea" in known
    assert "cat" in known
    assert "green tea" not in await simulator.say("I need something", system="You are kind.")


@pytest.mark.parametrize(
    ("said", "expected"),
    [("今天天气很好", "你说了“今天天气很好”"), ("Nice weather", "you said “Nice weather”")],
)
async def test_the_answer_is_in_the_users_language(
    simulator: Asker, said: str, expected: str
) -> None:
    assert expected in await simulator.say(said, system="You are kind. 你很善良。")


async def test_it_splits_when_asked_for_and_the_syntax_stands_alone(simulator: Asker) -> None:
    system = f"You are kind.\n\n{SPLIT}"
    wish = "please answer in several messages about <next> things"
    lines = (await simulator.say(wish, system=system)).splitlines()
    assert lines.count("<next>") >= 1
    assert lines[0] != "<next>" != lines[-1]
    assert "<next>" not in (await simulator.say(wish)).splitlines()
    counts = {
        (await simulator.say(f"message {at}", system=system)).count("<next>") > 0
        for at in range(20)
    }
    assert counts == {True, False}


async def test_a_stream_says_the_same_and_counts_tokens(simulator: Asker) -> None:
    whole = await simulator.chat("我叫小明 and I like   tea")
    usage = {"include_usage": True}
    stream = await simulator.chat("我叫小明 and I like   tea", stream=True, stream_options=usage)
    assert stream.headers["content-type"].startswith("text/event-stream")
    assert streamed_text(stream) == whole.json()["choices"][0]["message"]["content"]
    chunks = events(stream)
    assert len(chunks) > 8
    assert chunks[-1]["usage"] == whole.json()["usage"]
    assert chunks[-2]["choices"][0]["finish_reason"] == "stop"
    assert "usage" not in events(await simulator.chat("hello", stream=True))[-1]


async def test_the_token_limit_is_kept(simulator: Asker) -> None:
    for limit in ("max_tokens", "max_completion_tokens"):
        more: dict[str, Any] = {limit: 3}
        answer = (await simulator.chat("hello", **more)).json()
        assert answer["choices"][0]["finish_reason"] == "length"
        assert answer["usage"]["completion_tokens"] <= 3


async def test_bad_requests_are_answered_as_the_api_does(simulator: Asker) -> None:
    post = simulator.http.post
    for content in (b"", b"{", b"[]", b'{"messages": []}', b'{"messages": 7}'):
        response = await post("/v1/chat/completions", content=content)
        assert response.status_code == 400
        assert response.json()["error"]["type"] == "invalid_request_error"
    assert (await simulator.http.get("/v1/nothing")).status_code == 404
    assert (await simulator.http.get("/health")).json() == {"status": "ok"}
    assert (await simulator.http.get("/v1/models/")).json()["data"][0]["id"] == "lingxi-simulator"
