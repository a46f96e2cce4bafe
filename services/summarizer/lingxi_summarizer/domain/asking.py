"""Questions to a model: what they may cost, and messages as a model reads them.

A message is one line, whatever it holds: no text of anybody's looks like another's message. Its
number is its seq; answers name messages by it, since ids cost tokens and are copied badly.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from lingxi_contracts.chat import MessageView

ANSWER_TOKENS_MAX = 2_500
ANSWER_SHARE_MAX = 3
"""An answer may take one part in so many of the model's context."""
LINE_TOKENS = 12
"""What a line may cost beside its text: number, author, border."""
LEFT_OUT = "(left out)"

type Tokens = Callable[[str], int]
"""Counts a text, by the estimate of whoever speaks to the model."""


@dataclass(frozen=True, slots=True)
class Question:
    """What a model is asked: a task, the lines of messages, and the form of the answer."""

    task: str
    transcript: str
    name: str
    schema: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Line:
    """One message as it is shown."""

    message: MessageView
    text: str


def prompt_tokens_max(context_tokens: int) -> int:
    """What a prompt may cost, so that the answer fits behind it."""
    return context_tokens - min(ANSWER_TOKENS_MAX, context_tokens // ANSWER_SHARE_MAX)


def lines_of(messages: Sequence[MessageView]) -> list[Line]:
    """Each message on a line."""
    return [Line(one, " ".join(one.text.split())) for one in messages]


def transcript(lines: Sequence[Line]) -> str:
    """The lines, numbered."""
    return "\n".join(map(_written, lines))


def that_fit(lines: Sequence[Line], budget_tokens: int, tokens: Tokens) -> list[Line]:
    """The head of the lines that is within the budget: at least one, if need be cut."""
    kept: list[Line] = []
    left = budget_tokens
    for line in lines:
        left -= tokens(line.text) + LINE_TOKENS
        if left < 0:
            break
        kept.append(line)
    if not kept and lines:
        first = lines[0]
        kept.append(Line(first.message, cut(first.text, budget_tokens - LINE_TOKENS, tokens)))
    return kept


def cut(text: str, budget_tokens: int, tokens: Tokens) -> str:
    """The text, or as much of its beginning as is about the budget."""
    needed = tokens(text)
    if needed <= budget_tokens:
        return text
    return text[: max(0, len(text) * budget_tokens // needed)] + "…"


def users_by_number(lines: Sequence[Line]) -> dict[int, MessageView]:
    """The user's messages among them: nobody else's words are evidence."""
    return {one.message.seq: one.message for one in lines if one.message.author == "user"}


def _written(line: Line) -> str:
    who = "user" if line.message.author == "user" else "companion"
    return f"[{line.message.seq}] {who}: {line.text}"
