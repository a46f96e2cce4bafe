"""How a model's reply becomes bubbles.

The prompt asks for one syntax, a line holding only `<next>`. The original product's
`{"messages": [..]}`, bare or fenced, is accepted too: as the whole reply or with words around it,
also cut short or badly quoted. Invariant: whatever the model makes of either, no bubble holds raw
syntax, and none is empty.
"""

import json
import re
from typing import Any, cast

BUBBLES_MAX = 10
"""More than these become part of the last one."""
REPLY_CHARS_MAX = 32_000
LISTS_MAX = 20
"""Lists of messages that are read in one reply, those within others counted."""
NESTED_MAX = 50
"""Levels below a list of messages in which a text is looked for: nobody writes so many."""
DELAY_MS_BASE = 400
DELAY_MS_PER_CHAR = 30
DELAY_MS_MAX = 4_000

NEXT = re.compile("<next>", re.IGNORECASE)
_NEXT_CUT_SHORT = ("<n", "<ne", "<nex", "<next")
_OPENING = re.compile(r'\{\s*"messages"\s*:', re.IGNORECASE)
_OBJECT_BEGUN = re.compile(r'\{\s*(?P<key>"messages"\s*)?\Z', re.IGNORECASE)
_QUOTES, _COLONS = re.compile(r'\A["\s]+'), re.compile(r"\A[:\s]+")
LIST = re.compile(r'(?P<fence>```[a-z]*\s*)?(?P<json>\{\s*"messages"\s*:)', re.IGNORECASE)
_FENCE_END = re.compile(r"\s*```")
# Cut short, or with bare quotation marks in a text: it ends at one after which the list goes on.
_QUOTED = re.compile(
    r'[\[,:]\s*"(?!\w+"\s*:)(?P<text>(?:[^"\\]|\\.|"(?!\s*(?:,\s*(?:["{\[]|\Z)|[\]}]|\Z)))*)',
    re.DOTALL,
)
_ESCAPE_CUT_SHORT = re.compile(r"(?<!\\)((?:\\\\)*)\\(?:u[0-9a-fA-F]{0,3})?\Z")
_BARE_QUOTE = re.compile(r'(\\.)|"', re.DOTALL)
UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]")


def split_reply(text: str) -> tuple[str, ...]:
    """The bubbles of a reply, in order; none if the model said nothing."""
    text = UNSTORABLE.sub("", text)[:REPLY_CHARS_MAX].strip()
    texts = _without_lists(text, [LISTS_MAX])
    bubbles = [bubble for part in texts for bubble in _split(part)]
    whole, beyond = bubbles[:BUBBLES_MAX], bubbles[BUBBLES_MAX:]
    for part in beyond:
        whole[-1] += gone_on(whole[-1], part)
    return tuple(whole)


def gone_on(last: str, part: str) -> str:
    """What a part beyond the bound adds to the last bubble: the two together make no syntax."""
    if begun := _OBJECT_BEGUN.search(last):
        part = without_cut_mark((_COLONS if begun["key"] else _QUOTES).sub("", part))
    return part and f"\n\n{part}"


def _split(text: str) -> list[str]:
    """The parts between `<next>`, and none of the JSON syntax that may be left."""
    while _OPENING.search(text):
        text = _OPENING.sub("", text)
    parts = [without_cut_mark(part) for part in NEXT.split(text)]
    return [part for part in parts if part]


def without_cut_mark(text: str, *, begins: bool = True) -> str:
    """A bubble's text without a `<next>` that was cut short at its end, and stripped.

    `begins` False: it is the rest of a bubble, whose space in front counts.
    """
    text = text.strip() if begins else text.rstrip()
    end = len(text)
    while True:
        line = text.rfind("\n", 0, end) + 1
        whole_line = line > 0 or begins
        if not whole_line or text[line:end].lstrip(" \t").lower() not in _NEXT_CUT_SHORT:
            return text[:end]
        end = line
        while end and text[end - 1].isspace():
            end -= 1


def _without_lists(text: str, left: list[int]) -> list[str]:
    """The texts that the JSON syntax lists, and those around it. `left`: how many lists more."""
    found = LIST.search(text)
    if found is None or left[0] <= 0:
        return [text]
    left[0] -= 1
    listed, end = _read(text, found.start("json"))
    if found["fence"] and (closing := _FENCE_END.match(text, end)):
        end = closing.end()
    within = [part for said in listed for part in _without_lists(said, left)]
    return [text[: found.start()], *within, *_without_lists(text[end:], left)]


def _read(text: str, start: int) -> tuple[list[str], int]:
    """The messages of the object that starts there, and where it ends."""
    try:
        whole, end = json.JSONDecoder(strict=False).raw_decode(text, start)
    except ValueError:
        pass
    except RecursionError:
        return [], len(text)
    else:
        return _said(_messages(whole)), end
    fence = text.find("\n```", start)
    end = len(text) if fence < 0 else fence
    return [_unescaped(one["text"]) for one in _QUOTED.finditer(text, start, end)], end


def _messages(whole: dict[str, Any]) -> Any:
    return next((value for key, value in whole.items() if key.lower() == "messages"), None)


def _said(message: Any, levels: int = NESTED_MAX) -> list[str]:
    match message:
        case str():
            return [UNSTORABLE.sub("", message)]
        case list() | dict() if levels == 0:
            return []
        case list():
            return [text for one in cast("list[Any]", message) for text in _said(one, levels - 1)]
        case dict():
            fields = cast("dict[str, Any]", message)
            said = fields.get("message") or fields.get("content") or fields.get("text")
            return _said(said, levels - 1)
        case bool() | None:
            return []
        case _:
            return [str(message)]


def _unescaped(text: str) -> str:
    """A JSON string's content, in which quotation marks may be bare."""
    whole = _ESCAPE_CUT_SHORT.sub(r"\1", text)
    escaped = _BARE_QUOTE.sub(lambda found: found[1] or '\\"', whole)
    try:
        return UNSTORABLE.sub("", json.loads(f'"{escaped}"', strict=False))
    except ValueError:
        return text


def delay_ms(bubble: int, text: str) -> int:
    """How long a person would take to write it; the first bubble comes at once."""
    if bubble == 0:
        return 0
    return min(DELAY_MS_BASE + DELAY_MS_PER_CHAR * len(text), DELAY_MS_MAX)
