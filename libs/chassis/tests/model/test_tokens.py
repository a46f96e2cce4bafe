"""Token estimates: near enough, monotone, corrected within bounds."""

import pytest
from hypothesis import given, strategies as st

from lingxi_chassis.model.messages import ChatMessage
from lingxi_chassis.model.tokens import (
    MODELS_MAX,
    TokenCorrection,
    estimate_prompt_tokens,
    estimate_tokens,
)


# The counts are those of the o200k vocabulary, within the third that an estimate may be off.
@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("", 0, 0),
        ("The quick brown fox jumps over the lazy dog.", 9, 13),
        ("今天天气很好，我们去公园散步吧。", 9, 16),
        ("Привет, как дела сегодня?", 6, 14),
    ],
)
def test_estimates_are_near(text: str, low: int, high: int) -> None:
    assert low <= estimate_tokens(text) <= high


@given(st.text(max_size=200), st.text(max_size=50))
def test_more_text_is_never_fewer_tokens(text: str, more: str) -> None:
    assert 0 <= estimate_tokens(text) <= estimate_tokens(text + more) + 1


def test_a_message_costs_more_than_its_text() -> None:
    assert estimate_prompt_tokens([ChatMessage("user", "")] * 3) == 12


@given(st.lists(st.tuples(st.integers(0, 9_000), st.integers(-5, 90_000)), max_size=30))
def test_a_correction_stays_within_its_bounds(seen: list[tuple[int, int]]) -> None:
    tokens = TokenCorrection()
    for estimate, counted in seen:
        tokens.observe("m", estimate, counted)
    assert 0.5 <= tokens.factor("m") <= 2.0
    assert 500 <= tokens.corrected("m", 1_000) <= 2_000


def test_a_correction_follows_what_was_counted() -> None:
    tokens = TokenCorrection()
    for _ in range(30):
        tokens.observe("m", 1_000, 1_500)
    assert tokens.corrected("m", 100) == pytest.approx(150, abs=1)
    assert tokens.estimated("m", 150) == pytest.approx(100, abs=1)
    assert tokens.factor("another") == 1.0
    for number in range(MODELS_MAX):
        tokens.observe(f"m{number}", 1_000, 1_500)
    assert tokens.factor("m") == 1.0
