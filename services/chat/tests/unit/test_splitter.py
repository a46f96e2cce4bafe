"""Bubbles while they are said: whatever the pieces, shown and stored agree, and nothing is raw."""

import json
import re
from typing import cast

import pytest
from hypothesis import given, settings, strategies as st

from lingxi_chat.domain.bubbles import REPLY_CHARS_MAX, split_reply
from lingxi_chat.domain.splitter import Piece, Splitter, joined

RAW = re.compile(r'<next>|\{\s*"messages"\s*:', re.IGNORECASE)
WAYS_ON = ("", "<next>", "next>", "ext>", "xt>", "t>", ">", "n", '{"messages": ["x"]}',
           '"messages": ["x"]}', 'essages": ["x"]}', '": ["x"]}', ':"x"}', '``{"messages": 1}',
           '`\n{"messages": 1}', "\n<n", "word")  # fmt: skip
"""Whatever is shown must be right for each of these: so nothing shown can become syntax."""


def shown_by(pieces: list[Piece], before: tuple[str, ...] = ()) -> tuple[str, ...]:
    """What a reader has after these pieces; each begins where the one before it ended."""
    bubbles = list(before)
    for piece in pieces:
        assert piece.text
        if piece.bubble == len(bubbles):
            bubbles.append("")
        assert piece.bubble == len(bubbles) - 1
        assert piece.offset_chars == len(bubbles[piece.bubble])
        bubbles[piece.bubble] += piece.text
    return tuple(bubbles)


def assert_right_for_all_ways_on(shown: tuple[str, ...], text: str) -> None:
    for way in WAYS_ON:
        bubbles = split_reply(text + way)
        assert shown[:-1] == bubbles[: len(shown)][:-1]
        assert len(bubbles) >= len(shown)
        assert not shown or bubbles[len(shown) - 1].startswith(shown[-1])


def check(chunks: list[str]) -> None:
    """Feed a reply in these chunks and look at every state on the way."""
    stored = split_reply("".join(chunks))
    splitter = Splitter()
    shown: tuple[str, ...] = ()
    for chunk in chunks:
        shown = shown_by(splitter.feed(chunk), shown)
        assert shown == splitter.shown
        assert all(bubble == bubble.strip() for bubble in shown)
        assert not any(RAW.search(bubble) for bubble in shown)
        assert shown[:-1] == stored[: len(shown)][:-1]
        assert all(whole.startswith(part) for part, whole in zip(shown, stored, strict=False))
        assert len(shown) <= len(stored)
    assert_right_for_all_ways_on(shown, "".join(chunks))
    assert shown_by(splitter.finish(), shown) == stored
    assert splitter.shown == stored


@pytest.mark.parametrize(
    ("chunks", "shown"),
    [
        (["Hel", "lo. "], ("Hello.",)),
        (["One.\n", "<", "ne", "xt>", "\nTw"], ("One.", "Tw")),
        (["One. <ne", "w idea"], ("One. <new idea",)),
        (["One.\n<nex"], ("One.",)),
        (["I <", "3 you"], ("I <3 you",)),
        (['{"messages": ["One."'], ()),
        (["{", "smiles}"], ("{smiles}",)),
        (["```", "js", "on\n", "{", '"mess', 'ages": ['], ()),
        (["```py", "thon\n", "x = 1"], ("```python\nx = 1",)),
        (["Sure!\n``", '`json\n{"messages": ["a"]}```'], ("Sure!",)),
        (["Two  ", "  words"], ("Two    words",)),
        (["a\n<n\n", "<n"], ("a",)),
        (["  \n", "<next>", " x"], ("x",)),
    ],
)
def test_what_may_be_syntax_is_held_back_until_it_is_clear(
    chunks: list[str], shown: tuple[str, ...]
) -> None:
    splitter = Splitter()
    for chunk in chunks:
        splitter.feed(chunk)

    assert splitter.shown == shown
    check(chunks)


def test_text_is_shown_as_it_comes() -> None:
    """It can fail: a splitter that holds all back until the end would pass the rest."""
    splitter = Splitter()

    assert splitter.feed("One wo") == [Piece(0, 0, "One wo")]
    assert splitter.feed("rd. ") == [Piece(0, 6, "rd.")]
    assert splitter.feed("\n<next>\nTwo") == [Piece(1, 0, "Two")]
    assert splitter.feed(" { x") == [Piece(1, 3, " { x")]
    assert splitter.finish() == []


def test_more_bubbles_than_there_may_be_go_on_in_the_last() -> None:
    check([f"Number {n}.\n<next>\n" for n in range(14)])
    check(list("<next>".join("abcdefghijklmnop")))


@pytest.mark.parametrize(
    "broken", ['{|"messages": ["x"]}', '{ "messages"|: 1', '{|"|"Messages":|"']
)
def test_what_goes_on_in_the_last_bubble_becomes_no_syntax_there(broken: str) -> None:
    """Guards `bubbles.gone_on`."""
    text = "a<next>" * 9 + broken.replace("|", " <next>\n")

    assert not RAW.search(split_reply(text)[-1])
    check([text])
    check(list(text))


def test_a_long_reply_ends_at_its_bound_also_within_a_mark() -> None:
    for over in range(-7, 2):
        text = "a" * (REPLY_CHARS_MAX - 8 - over) + "\n<next>\nb <next> c"
        check([text[:100], text[100:-15], *text[-15:]])


def test_pieces_that_follow_on_become_one() -> None:
    pieces = [Piece(0, 0, "a"), Piece(0, 1, "b"), Piece(1, 0, "c"), Piece(1, 1, "d")]

    assert joined(pieces) == [Piece(0, 0, "ab"), Piece(1, 0, "cd")]


CHUNKS = st.lists(
    st.sampled_from(
        ["<next>", "\n", "<NEXT>", "<", "<n", "<ne", "xt>", "ext>", ">", '{"messages":', "{", "}",
         "[", "]", '"', ",", ":", "messages", "mess", "ages", "\\", "`", "``", "```", "```json\n",
         "json", "你好", "word", " ", "\t", "\r", "\x0b", "\u2003", "\x00", "\ud83d", "null", "1",
         '{"messages": ["a", "b"]}', '{ "Messages" : ["a\\n<n"', '```\n{"messages": "x"}\n```']
    )
    | st.text(max_size=4),
    max_size=30,
)  # fmt: skip


@settings(max_examples=600)
@given(CHUNKS)
def test_shown_and_stored_agree_however_it_comes(chunks: list[str]) -> None:
    check(chunks)


@settings(max_examples=400)
@given(CHUNKS)
def test_shown_and_stored_agree_char_by_char(chunks: list[str]) -> None:
    check(list("".join(chunks)))


MANY_PARTS = st.lists(
    st.sampled_from(
        ["<next>", "<next>", "<next>", "a", "b ", "\n", " ", "<ne", "{", '"', ":", '"messages"',
         '{"messages"', '{"messages":', '{"messages": ["x", "y"]}', "```", "}"]
    ),
    min_size=20,
    max_size=60,
)  # fmt: skip
"""Most of these are more bubbles than there may be."""


@settings(max_examples=300)
@given(MANY_PARTS)
def test_shown_and_stored_agree_beyond_the_most_bubbles(chunks: list[str]) -> None:
    check(chunks)
    check(list("".join(chunks)))


@settings(max_examples=300)
@given(CHUNKS, st.data())
def test_a_reply_cut_anywhere_ends_as_what_was_shown_and_a_little(
    chunks: list[str], data: st.DataObject
) -> None:
    text = "".join(chunks)
    check([text[: data.draw(st.integers(0, len(text)))]])
    whole, parted = Splitter(), Splitter()
    at_once = shown_by(whole.feed(text))
    by_char = shown_by([piece for char in text for piece in parted.feed(char)])

    assert at_once == by_char


NASTY = st.recursive(
    st.sampled_from([None, True, -1, 1e400, 10**9, "", "a", "<next>", "```", "\ud83d", "\x00"])
    | st.sampled_from(['{"messages": ["x"]}', '", "', "}]", "\\"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["messages", "Messages", "message", "content", "text", ""]), inner
        )
        | st.tuples(inner, st.integers(0, 2_000)).map(lambda deep: _nested(*deep))
    ),
    max_leaves=6,
)
"""Values of JSON that no model should write, and some that hardly anybody can read."""


class Raw(str):
    """JSON as it stands."""

    __slots__ = ()


def _nested(value: object, levels: int) -> Raw:
    return Raw("[" * levels + _json(value) + "]" * levels)


def _json(value: object) -> str:
    match value:
        case Raw():
            return value
        case list():
            return f"[{', '.join(map(_json, cast('list[object]', value)))}]"
        case dict():
            fields = cast("dict[str, object]", value)
            return f"{{{', '.join(f'{_json(key)}: {_json(one)}' for key, one in fields.items())}}}"
        case int() if value > 1:
            return "1" + "0" * 5_000
        case _:
            return json.dumps(value)


@settings(max_examples=300, deadline=None)
@given(NASTY, st.text(max_size=3), st.sampled_from(["", "```", "]}", "<next>b"]))
def test_no_json_is_too_nasty(value: object, before: str, after: str) -> None:
    text = f'{before}{{"messages": {_json(value)}}}{after}'
    check([text])
    check([text[: len(text) // 2], text[len(text) // 2 :]])
