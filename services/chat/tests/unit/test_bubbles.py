"""How replies become bubbles: each syntax, and what models make of it."""

import re

import pytest
from hypothesis import given, strategies as st

from lingxi_chat.domain.bubbles import (
    BUBBLES_MAX,
    DELAY_MS_MAX,
    NESTED_MAX,
    REPLY_CHARS_MAX,
    delay_ms,
    split_reply,
)

RAW_SYNTAX = re.compile(r'<next>|\{\s*"messages"\s*:', re.IGNORECASE)


@pytest.mark.parametrize(
    ("reply", "bubbles"),
    [
        ("Hello.", ("Hello.",)),
        ("  Hello.\n\n", ("Hello.",)),
        ("", ()),
        (" \n\t", ()),
        ("<next>", ()),
        ("One.\n<next>\nTwo.", ("One.", "Two.")),
        ("One.\r\n<next>\r\nTwo.", ("One.", "Two.")),
        ("\n<next>\nOne.\n<next>\n<next>\nTwo.\n<next>", ("One.", "Two.")),
        ("One. <next> Two.<NEXT>Three.", ("One.", "Two.", "Three.")),
        ("One.\n\nStill one.", ("One.\n\nStill one.",)),
        ("One.\n<next>\nTwo.\n<nex", ("One.", "Two.")),
        ("I <3 you\n<", ("I <3 you\n<",)),
        ("第一句。\n<next>\n第二句。", ("第一句。", "第二句。")),
    ],
)
def test_a_line_with_next_alone_parts_bubbles(reply: str, bubbles: tuple[str, ...]) -> None:
    assert split_reply(reply) == bubbles


@pytest.mark.parametrize(
    ("reply", "bubbles"),
    [
        ('{"messages": ["One.", "Two."]}', ("One.", "Two.")),
        ('{ "Messages" :["One."]}', ("One.",)),
        ('```json\n{"messages": ["One.", "Two."]}\n```', ("One.", "Two.")),
        ('```\n{"messages": ["One."]}```', ("One.",)),
        ('{"messages": [{"message": "One."}, {"content": "Two."}, {"text": "3"}]}',
         ("One.", "Two.", "3")),
        ('{"messages": "One."}', ("One.",)),
        ('{"messages": [["One."], 2, null, true, ""]}', ("One.", "2")),
        ('{"messages": ["One.\\n<next>\\nTwo."]}', ("One.", "Two.")),
        ('{"messages": ["{\\"messages\\": [\\"One.\\"]}", "Two."]}', ("One.", "Two.")),
        ('{"messages": ["over\ntwo lines"]}', ("over\ntwo lines",)),
        ('{"messages": ["\\u4f60\\u597d \\ud83d\\ude00"]}', ("你好 😀",)),
        ('{"messages": ["half \\ud83d an emoji", "\\u0000"]}', ("half  an emoji",)),
        ('{"messages": []}', ()),
        ('{"messages": {"a": "b"}}', ()),
        ('Sure!\n```json\n{"messages": ["One."]}\n```\nBye.', ("Sure!", "One.", "Bye.")),
        ('{"messages": ["One."]}\n{"messages": ["Two."]}', ("One.", "Two.")),
    ],
)  # fmt: skip
def test_the_original_products_list_is_read(reply: str, bubbles: tuple[str, ...]) -> None:
    assert split_reply(reply) == bubbles


@pytest.mark.parametrize(
    ("reply", "bubbles"),
    [
        ('{"messages": ["One.", "Tw', ("One.", "Tw")),
        ('{"messages": ["One.", ', ("One.",)),
        ('{"messages": ["One."', ("One.",)),
        ('{"messages": ["One.\\', ("One.",)),
        ('{"messages": ["One.\\u4f', ("One.",)),
        ('{"messages": [', ()),
        ('{"messages":', ()),
        ('```json\n{"messages": ["One.", "Two', ("One.", "Two")),
        ('{"messages": [{"message": "One."}, {"message": "Tw', ("One.", "Tw")),
        ('{"messages": ["She said "hi" to me.", "Two."]}', ('She said "hi" to me.', "Two.")),
        ('{"messages": ["She said "hi", and left.", "2"]}', ('She said "hi", and left.', "2")),
        ('{"messages": ["A \\"b\\" "c" \\n d"', ('A "b" "c" \n d',)),
        ('```\n{"messages": ["say "x" now"]}\n```\nBye.', ('say "x" now', "Bye.")),
        ('{"messages": [' + "[" * 50_000, ()),
    ],
)
def test_a_list_cut_short_or_badly_quoted_gives_what_it_says(
    reply: str, bubbles: tuple[str, ...]
) -> None:
    assert split_reply(reply) == bubbles


@pytest.mark.parametrize(
    "reply",
    [
        "{smiles} Hello!",
        "{",
        '{"answer": 42}',
        '"messages" is a word.',
        "```python\nprint({'messages': 1})\n```",
        'Like this:\n\n```json\n{"a": [1, 2]}\n```\n\nClear?',
        "```\nonly code\n```",
    ],
)
def test_what_is_no_syntax_of_ours_is_kept_as_it_is(reply: str) -> None:
    assert split_reply(reply) == (reply,)


def test_too_many_bubbles_end_in_the_last_one() -> None:
    bubbles = split_reply("\n<next>\n".join(f"Number {n}." for n in range(50)))

    assert len(bubbles) == BUBBLES_MAX
    assert bubbles[0] == "Number 0."
    assert bubbles[-1].startswith("Number 9.")
    assert bubbles[-1].endswith("Number 49.")


def test_a_reply_is_bounded_and_storable() -> None:
    bubbles = split_reply("\x00\ud800你" * REPLY_CHARS_MAX)

    assert bubbles == ("你" * REPLY_CHARS_MAX,)


@pytest.mark.parametrize(("opens", "closes"), [("[", "]"), ('{"text": ', "}")])
def test_a_text_too_deep_in_a_list_is_not_looked_for(opens: str, closes: str) -> None:
    """Deeper than the interpreter's stack, too: it is left out, and the rest is there."""
    for levels, said in ((NESTED_MAX - 1, ("deep", "b")), (NESTED_MAX, ("b",)), (1_500, ("b",))):
        deep = f'{opens * levels}"deep"{closes * levels}'
        assert split_reply(f'{{"messages": [{deep}, "b"]}}') == said


REPLIES = st.lists(
    st.sampled_from(
        ["<next>", "\n", "<NEXT>", "<ne", "xt>", '{"messages":', "{", "}", "[", "]", '"', ",", ":",
         "messages", "\\", "```", "```json\n", "你好", "word", " ", "\x00", "\ud83d", "null", "1",
         '{"messages": ["a", "b"]}']
    )
    | st.text(max_size=5),
    max_size=40,
).map("".join)  # fmt: skip


@given(REPLIES)
def test_no_reply_leaves_raw_syntax_in_a_bubble(reply: str) -> None:
    bubbles = split_reply(reply)

    assert len(bubbles) <= BUBBLES_MAX
    for bubble in bubbles:
        assert bubble == bubble.strip()
        assert bubble
        assert not RAW_SYNTAX.search(bubble)
        assert "\x00" not in bubble
        bubble.encode()  # no lone surrogate


@given(REPLIES)
def test_splitting_is_done_once_and_for_all(reply: str) -> None:
    bubbles = split_reply(reply)

    assert split_reply("\n<next>\n".join(bubbles)) == bubbles


@given(st.lists(st.text(alphabet='ab "\\\n你{}[]:,', min_size=1).map(str.strip), max_size=9))
def test_well_formed_lists_come_back_word_for_word(texts: list[str]) -> None:
    import json

    said = tuple(text for text in texts if text)

    assert split_reply(json.dumps({"messages": texts})) == said
    assert split_reply(f"```json\n{json.dumps({'messages': texts}, indent=1)}\n```") == said


@given(st.integers(0, 20), st.text(max_size=300))
def test_delays_are_bounded_and_the_first_bubble_has_none(bubble: int, text: str) -> None:
    delay = delay_ms(bubble, text)

    assert 0 <= delay <= DELAY_MS_MAX
    assert (delay == 0) == (bubble == 0)
