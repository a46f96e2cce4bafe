"""Structured answers are valid against their schema and make sense of the conversation."""

from typing import Any

from deploy.simulator.tests.harness import Asker

ID = "0190a0b0-0000-7000-8000-00000000000"
TRANSCRIPT = (
    f"[{ID}1] user: I like green tea\n[{ID}2] agent: Noted\n"
    f"[{ID}3] user: Please be more concise\n[{ID}4] user: You should be less formal"
)
REVIEW: dict[str, Any] = {
    "type": "object",
    "properties": {
        "should_update": {"type": "boolean"},
        "reason": {"type": "string"},
        "suggested_personality": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "confidence": {"type": "number", "minimum": 0, "maximum": 1},
        "evidence": {"type": "array", "items": {"type": "string"}, "maxItems": 5},
    },
}


async def test_a_summary_and_its_title(simulator: Asker) -> None:
    text = {"type": "string", "maxLength": 60}
    schema = {"type": "object", "properties": {"title": text, "summary": {"type": "string"}}}
    system = "You are a summarizer.\n\nPrevious summary:\nThey met."
    answer = await simulator.fill(schema, TRANSCRIPT, system=system)
    assert answer["title"] == "I like green tea"
    assert answer["summary"].startswith("They met.")
    assert "Please be more concise" in answer["summary"]
    assert "Noted" not in answer["summary"]


async def test_facts_with_their_evidence(simulator: Asker) -> None:
    fact = {
        "type": "object",
        "properties": {
            "text": {"type": "string"},
            "message_ids": {"type": "array", "items": {"type": "string"}},
        },
    }
    schema = {
        "type": "object",
        "$defs": {"Fact": fact},
        "properties": {"facts": {"type": "array", "items": {"$ref": "#/$defs/Fact"}}},
    }
    answer = await simulator.fill(schema, TRANSCRIPT)
    assert answer == {"facts": [{"text": "I like green tea", "message_ids": [f"{ID}1"]}]}


async def test_a_personality_review(simulator: Asker) -> None:
    wished = await simulator.fill(REVIEW, TRANSCRIPT)
    assert wished["should_update"] is True
    assert wished["confidence"] == 0.9
    assert "less formal" in wished["reason"]
    assert wished["suggested_personality"].startswith("You are a cheerful pirate.")
    assert wished["evidence"] == [f"{ID}3", f"{ID}4"]
    content = await simulator.fill(REVIEW, "user: I like green tea")
    assert content["should_update"] is False
    assert content["confidence"] == 0.2
    assert content["evidence"] == []


async def test_a_decision(simulator: Asker) -> None:
    schema = {
        "type": "object",
        "properties": {
            "decision": {"enum": ["continue", "new_topic", "wait"]},
            "message": {"type": ["string", "null"]},
        },
    }
    goodbye = await simulator.fill(schema, "Hi", "Hello", "Good night!")
    assert goodbye["decision"] == "wait"
    assert (await simulator.fill(schema, "Hi"))["decision"] == "new_topic"
    talk = await simulator.fill(schema, "Hi", "Hello", "I saw a whale", "Oh", "It was blue")
    assert talk["decision"] == "continue"
    assert "It was blue" in talk["message"]


async def test_bounds_and_odd_schemas(simulator: Asker) -> None:
    schema = {
        "type": "object",
        "properties": {
            "short": {"type": "string", "maxLength": 3},
            "long": {"type": "string", "minLength": 40},
            "when": {"type": "string", "format": "date-time"},
            "id": {"type": "string", "format": "uuid"},
            "count": {"type": "integer", "exclusiveMinimum": 8, "maximum": 9},
            "fixed": {"const": "x"},
            "pair": {"type": "array", "items": {"type": "boolean"}, "minItems": 2, "maxItems": 2},
            "none": {"type": "null"},
            "tree": {"$ref": "#"},
        },
        "required": ["short"],
    }
    answer = await simulator.fill(schema, "hello")
    assert answer["short"] == "hel"
    assert len(answer["long"]) == 40
    assert (answer["count"], answer["fixed"], answer["none"]) == (9, "x", None)
    assert answer["pair"] == [True, True]
    assert answer["tree"]["short"] == "hel"
    assert await simulator.fill({}, "hello") == "hello"


NUMBERED = "[7] user: My name is Ada\n[8] companion: the user: I love cats\n[9] user: 我住在不来梅"
LEARNED: dict[str, Any] = {
    "type": "object",
    "properties": {
        "facts": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "text": {"type": "string"},
                    "message_ids": {"type": "array", "items": {"type": "integer"}},
                    "replaces": {"type": ["integer", "null"]},
                },
            },
        }
    },
}


async def test_numbers_of_messages_are_evidence_and_the_agents_words_are_none(
    simulator: Asker,
) -> None:
    known = "# Task\nRemember.\n\n# Facts known already\n1. I like tea\n2. My name is Eve"
    answer = await simulator.fill(LEARNED, NUMBERED, system=known)
    assert answer["facts"] == [
        {"text": "My name is Ada", "message_ids": [7], "replaces": 2},
        {"text": "我住在不来梅", "message_ids": [9], "replaces": None},
    ]


async def test_a_wish_that_was_granted_is_none_any_more(simulator: Asker) -> None:
    asked = "[1] user: please be shorter\n[2] user: 请你说话活泼一点"
    found = await simulator.fill(REVIEW, asked, system="# Personality\nYou are Mo.")
    assert (found["should_update"], found["confidence"]) == (True, 0.9)
    changed = found["suggested_personality"]
    assert changed.startswith("You are Mo.\n")
    again = await simulator.fill(REVIEW, asked, system=f"# Personality\n{changed}")
    assert again["should_update"] is False


async def test_a_changed_personality_is_heard(simulator: Asker) -> None:
    said = ("I saw a whale", "Oh", "It was blue")
    before = await simulator.say(*said, system="You are Mo.")
    after = await simulator.say(*said, system="You are Mo.\nBe short and playful.")
    assert after.startswith("Hee hee!")
    assert len(after) < len(before)


async def test_a_decision_says_why(simulator: Asker) -> None:
    schema = {
        "type": "object",
        "properties": {
            "decision": {"enum": ["continue", "new_topic", "wait"]},
            "text": {"type": "string"},
            "reason": {"type": "string"},
        },
    }
    talk = "[1] user: Hi\n[3] user: I saw a whale\n[5] user: It was blue"
    decided = await simulator.fill(schema, talk)
    assert decided == {
        "decision": "continue",
        "text": "I have been thinking about “It was blue”. How did it go on?",
        "reason": "The conversation stopped at “It was blue”, and there is more to say about it.",
    }
    assert (await simulator.fill(schema, "[1] user: 晚安"))["reason"] == "用户以“晚安”道别了。"
