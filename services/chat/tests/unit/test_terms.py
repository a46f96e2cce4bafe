"""Terms: what a text is found again by, in any language, and bounded."""

from uuid import UUID

import pytest
from hypothesis import given, strategies as st

from lingxi_chat.domain.terms import (
    SCANNED_CHARS_MAX,
    TERM_CHARS_MAX,
    TERMS_MAX,
    fingerprint,
    terms_of,
)

AGENT, OTHER_AGENT = UUID(int=1), UUID(int=2)


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("The lighthouse keeper's dogs", ("lighthous", "keeper", "dog")),
        ("Stories, a STORY; loving & loved", ("stori", "lov")),
        ("planned plans, boxes in a box", ("plan", "box")),
        ("Café Zoë", ("caf", "zoe")),
        ("Ｆｕｌｌ　ｗｉｄｔｈ", ("full", "width")),
        ("我的猫叫雪球", ("的猫", "猫叫", "叫雪", "雪球")),
        ("iPhone手机", ("iphon", "手机")),
        ("東京タワー", ("東京", "京タ", "タワ", "ワー")),
        ("서울", ("서울",)),
        ("커피를 마셨다", ("커피", "피를", "마셨", "셨다")),
        ("𠮷野家", ("𠮷野", "野家")),
        ("ชาเขียว", ("ชา", "าเ", "เข", "ขี", "ีย", "ยว")),
        ("ຊາຂຽວ", ("ຊາ", "າຂ", "ຂຽ", "ຽວ")),
        ("လက်ဖက်", ("လက", "က်", "်ဖ", "ဖက")),
        ("តែបៃតង", ("តែ", "ែប", "បៃ", "ៃត", "តង")),
        ("в Одессе", ("одессе",)),
        ("PIN 7391", ("pin", "7391")),
    ],
)
def test_terms(text: str, terms: tuple[str, ...]) -> None:
    """They stand in the index of every database: another version is to find them there."""
    assert terms_of(text) == terms


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ok",
        "Ok!!! :)",
        "how are you",
        "How's it going today?",
        "What’s up?",
        "thanks, good night",
        "lol",
        "好的",
        "你好吗？",
        "在干嘛呢",
        "早上好",
        "嗯嗯，谢谢，晚安",
        "哈哈哈",
        "a I 9",
    ],
)
def test_small_talk_has_none(text: str) -> None:
    assert terms_of(text) == ()


TEXTS = st.text(max_size=400) | st.text("我猫叫雪球的了 abcéß'’\n", max_size=400)


@given(TEXTS)
def test_terms_are_distinct_bounded_and_without_case(text: str) -> None:
    terms = terms_of(text)
    assert len(set(terms)) == len(terms) <= TERMS_MAX
    assert all(0 < len(term) <= TERM_CHARS_MAX for term in terms)
    assert all(term == term.casefold() for term in terms)
    assert terms == terms_of(f"  {text}\n")


@given(TEXTS, TEXTS)
def test_a_text_keeps_its_terms_beside_others(one: str, other: str) -> None:
    both = set(terms_of(f"{one}\n{other}"))
    assert both == {*terms_of(one), *terms_of(other)}


def test_of_an_endless_text_only_the_first_are_taken() -> None:
    words = " ".join(f"word{n}" for n in range(10_000))
    assert len(terms_of(words)) == TERMS_MAX
    assert terms_of("好的" * SCANNED_CHARS_MAX + " zanzibar") == ()


def test_fingerprints_stay_what_they_are() -> None:
    assert fingerprint(AGENT, "stori") == -2741910154589050897
    assert fingerprint(AGENT, "雪球") == 2836200424312831095


@given(st.text(min_size=1, max_size=20))
def test_a_fingerprint_fits_and_is_an_agents_own(term: str) -> None:
    one = fingerprint(AGENT, term)
    assert -(2**63) <= one < 2**63
    assert one == fingerprint(AGENT, term) != fingerprint(OTHER_AGENT, term)
