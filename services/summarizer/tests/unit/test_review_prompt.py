"""The question about a personality, and what of its answer is believed."""

from typing import Any

import pytest

from lingxi_chassis.model.errors import BadAnswer
from lingxi_contracts.agent import PERSONALITY_CHARS_MAX, PersonalityReview
from lingxi_summarizer.domain.review import (
    UNCHANGED,
    Found,
    ReviewPrompt,
    build_review_prompt,
    read_review,
)
from services.summarizer.tests.unit.making import message, tokens

CONTEXT_TOKENS = 8_192


def asked(personality: str = "You are Robin.", context_tokens: int = CONTEXT_TOKENS, **said: str):
    review = PersonalityReview(
        due=True, agent_name="Robin", personality_prompt=personality, based_on_version=1
    )
    messages = [message(seq, said.get(f"m{seq}", "")) for seq in range(1, 31)]
    return build_review_prompt(review, messages, context_tokens, tokens)


def read(**fields: Any) -> Found:
    prompt = asked()
    assert prompt is not None
    told = {
        "should_update": True,
        "reason": "You asked for it.",
        "suggested_personality": "You are Robin. Be short.",
        "confidence": 0.9,
        "evidence": [29],
    }
    return read_review(told | fields, prompt)


def test_it_holds_the_personality_and_the_messages_in_order() -> None:
    prompt = asked()
    assert prompt is not None
    assert prompt.question.task.endswith("# Personality\nYou are Robin.")
    lines = prompt.question.transcript.splitlines()
    assert (lines[0], lines[-1]) == ("[1] user: words number 1", "[30] companion: words number 30")


def test_the_newest_messages_that_fit() -> None:
    prompt = asked(m1="x" * 90_000)
    assert prompt is not None
    assert [line.message.seq for line in prompt.lines] == list(range(2, 31))


@pytest.mark.parametrize(("letter", "fits"), [("x", True), ("好", False)])
def test_a_personality_that_cannot_be_written_anew_is_left_alone(letter: str, fits: bool) -> None:
    prompt: ReviewPrompt | None = asked(letter * (PERSONALITY_CHARS_MAX // 2))
    assert (prompt is not None) == fits


def test_a_change_with_evidence_is_believed() -> None:
    found = read(evidence=[29, 2, 3, 29, 77], confidence=7)
    assert found.should_update
    assert [one.seq for one in found.evidence] == [29, 3]
    assert found.confidence == 1.0


@pytest.mark.parametrize(
    "fields",
    [
        {"should_update": False},
        {"evidence": []},
        {"evidence": [2, 30]},
        {"suggested_personality": " "},
        {"suggested_personality": "You are Robin.\n"},
        {"suggested_personality": "x" * (PERSONALITY_CHARS_MAX + 1)},
    ],
)
def test_without_evidence_or_change_it_stays_as_it_is(fields: dict[str, Any]) -> None:
    assert read(**fields) is UNCHANGED


@pytest.mark.parametrize("fields", [{"should_update": None}, {"confidence": float("nan")}])
def test_what_is_no_review_is_a_bad_answer(fields: dict[str, Any]) -> None:
    with pytest.raises(BadAnswer):
        read(**fields)
