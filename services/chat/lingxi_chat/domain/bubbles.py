"""How a model's reply becomes bubbles.

The prompt asks for one syntax, a line holding only `<next>`. The original product's
`{"messages": [..]}`, bare or fenced, is accepted as a whole reply too, also cut short. Whatever
the model makes of it, raw syntax is never stored: invariant of every function here.
"""

import re
from typing import Any, cast

from pydantic_core import from_json

BUBBLES_MAX = 10
"""More than these become part of the last one."""
REPLY_CHARS_MAX = 32_000
DELAY_MS_BASE = 400
DELAY_MS_PER_CHAR = 30
DELAY_MS_MAX = 4_000

_NEXT = re.compile(r"[ \t]*<next>[ \t]*", re.IGNORECASE)
_FENCE = re.compile(r"\A```[a-z]*\s*\n?(?P<body>.*?)(?:\n?```)?\s*\Z", re.DOTALL | re.IGNORECASE)
_MESSAGES = re.compile(r'\A\{\s*"messages"\s*:', re.IGNORECASE)
_UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]")


def split_reply(text: str) -> tuple[str, ...]:
    """The bubbles of a reply, in order; none if the model said nothing."""
    text = _UNSTORABLE.sub("", text)[:REPLY_CHARS_MAX].strip()
    parts = _listed(text)
    if parts is None:
        parts = _NEXT.split(text)
    bubbles = [part for part in (_NEXT.sub("\n", part).strip() for part in parts) if part]
    if len(bubbles) > BUBBLES_MAX:
        bubbles[BUBBLES_MAX - 1 :] = ["\n\n".join(bubbles[BUBBLES_MAX - 1 :])]
    return tuple(bubbles)


def _listed(text: str) -> list[str] | None:
    """The messages of the JSON syntax; None: the reply is not written in it."""
    fenced = _FENCE.match(text)
    body = fenced["body"].strip() if fenced else text
    if not _MESSAGES.match(body):
        return None
    try:
        whole: Any = from_json(body, allow_partial="trailing-strings")
    except ValueError:
        # Not JSON after all, such as an unescaped quote: keep what stands between the quotes.
        return re.findall(r'"((?:[^"\\]|\\.)+)"', body.partition(":")[2])
    messages = cast("list[Any]", whole["messages"] if isinstance(whole["messages"], list) else [])
    return [_said(message) for message in messages]


def _said(message: Any) -> str:
    if isinstance(message, dict):
        fields = cast("dict[str, Any]", message)
        message = fields.get("message") or fields.get("content") or fields.get("text") or ""
    return _UNSTORABLE.sub("", message) if isinstance(message, str) else str(message)


def delay_ms(bubble: int, text: str) -> int:
    """How long a person would take to write it; the first bubble comes at once."""
    if bubble == 0:
        return 0
    return min(DELAY_MS_BASE + DELAY_MS_PER_CHAR * len(text), DELAY_MS_MAX)
