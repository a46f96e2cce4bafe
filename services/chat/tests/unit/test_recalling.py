"""What is recalled of what was found: what fits, within the budget, nothing twice."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import given, strategies as st

from lingxi_chat.domain.prompt import Said
from lingxi_chat.domain.recalling import (
    EXCERPT_CHARS_MAX,
    RECALLED_CHARS_MAX,
    RECALLED_MESSAGES_MAX,
    Found,
    choose,
    excerpt,
    fit_of_likeness,
    fit_of_terms,
)

BEGAN = datetime(2026, 3, 1, tzinfo=UTC)
SESSION, OTHER_SESSION = UUID(int=1), UUID(int=2)


def found(seq: int, fit: float = 1.0, text: str = "", session_id: UUID = SESSION) -> Found:
    at = BEGAN + timedelta(minutes=seq)
    return Found(session_id, Said(seq, "user", text or f"Message {seq}.", at), fit)


def seqs(*ones: Found, asked: str = "asked") -> list[int]:
    return [said.seq for said in choose(ones, asked)]


def test_what_does_not_fit_is_not_told() -> None:
    assert seqs(found(1, 0.99), found(2, 1.0)) == [2]


def test_what_fits_much_less_than_the_best_is_not_told() -> None:
    assert seqs(found(1, 1.1), found(2, 4.0), found(3, 2.1)) == [2, 3]


def test_the_best_are_told_in_order_of_time() -> None:
    best_last = [found(seq, 2 - seq / 100) for seq in range(20, 0, -1)]
    assert seqs(*best_last) == list(range(1, RECALLED_MESSAGES_MAX + 1))


def test_a_message_found_in_two_ways_is_told_once_and_first() -> None:
    others = [found(seq, 1.8) for seq in range(2, 12)]
    chosen = seqs(found(1, 1.1), *others, found(1, 1.2))
    assert len(chosen) == RECALLED_MESSAGES_MAX
    assert chosen.count(1) == 1


def test_the_same_words_are_told_once() -> None:
    assert seqs(found(1, 1, "Same."), found(2, 1, "same.")) == [2]
    assert len(seqs(found(1), found(1, 1, "Other.", OTHER_SESSION))) == 2


@given(st.lists(st.builds(found, st.integers(1, 99), st.floats(0, 9), st.text(max_size=2_000))))
def test_it_is_within_the_budget(ones: list[Found]) -> None:
    chosen = choose(ones, "asked")
    assert len(chosen) <= RECALLED_MESSAGES_MAX
    assert sum(len(said.text) for said in chosen) <= RECALLED_CHARS_MAX


def test_of_a_long_message_the_part_that_fits_is_told() -> None:
    text = "Nothing of note. " * 90 + "The lighthouse is in Zanzibar. " + "So it went. " * 90
    told = excerpt(text, frozenset({"lighthous", "zanzibar"}))
    assert told.startswith("…")
    assert told.endswith("…")
    assert "The lighthouse is in Zanzibar." in told
    assert len(told) <= EXCERPT_CHARS_MAX


def test_terms_in_common_fit_by_weight_and_by_share() -> None:
    assert fit_of_terms(5, 10) > 1
    assert fit_of_terms(2, 2) < 1, "too frequent"
    assert fit_of_terms(5, 40) < 1, "too little of what was asked for"


def test_likeness_fits_when_chance_does_not_explain_it() -> None:
    assert fit_of_likeness(4, 10) > 1
    assert fit_of_likeness(4, 100_000) < 1
    assert fit_of_likeness(1, 1) < 1
