"""What the command prints: aligned columns, or one JSON object a line."""

import sys
import unicodedata
from collections.abc import Sequence

import orjson
from pydantic import BaseModel

NOTHING = "-"


def visible(text: str) -> str:
    """The text without what would steer a terminal."""
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


def say(text: str = "") -> None:
    """One line."""
    print(text, flush=True)


def note(text: str) -> None:
    """One line beside the output proper: to standard error."""
    print(f"lingxi: {text}", file=sys.stderr, flush=True)


def say_json(value: BaseModel | dict[str, object]) -> None:
    """One JSON object on one line."""
    if isinstance(value, BaseModel):
        say(value.model_dump_json())
    else:
        say(orjson.dumps(value, default=_plain).decode())


def _plain(value: object) -> object:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    return str(value)


def say_table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Columns as wide as their widest cell; None is a dash."""
    cells = [[visible(NOTHING if cell is None else str(cell)) for cell in row] for row in rows]
    lines = [list(head), *cells]
    widths = [max(_width(line[at]) for line in lines) for at in range(len(head))]
    for line in lines:
        padded = [cell + " " * (widths[at] - _width(cell)) for at, cell in enumerate(line)]
        say("  ".join(padded).rstrip())


def _width(text: str) -> int:
    """Columns on a terminal: Chinese characters take two."""
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)


def seconds(value: float | None) -> str | None:
    """A duration for people."""
    return None if value is None else f"{value:.1f} s"
