"""Values that do not fit what a route's description says, each with what is wrong about it."""

from collections.abc import Iterator, Sequence
from typing import Any

from tests.e2e.client import Json
from tests.e2e.routes import Field, Unforeseen

WRONG_KINDS: dict[str, Sequence[Any]] = {
    "id": (5, True, [], {}),
    "text": (5, 1.5, True, [], {}, ["x"]),
    "integer": ("x", 1.5, True, [], {}, 10**30, -(10**30)),
    "number": ("x", True, [], {}),
    "boolean": ("maybe", 5, [], {}),
    "object": (5, "x", True, [], [{}]),
}
NO_OBJECTS: dict[str, bytes] = {
    "nothing": b"",
    "cut short": b'{"message": "x"',
    "no JSON": b"hello",
    "a list": b"[]",
    "a text": b'"hello"',
    "a number": b"5",
    "null": b"null",
    "no UTF-8": b'{"message": "\xff\xfe", "name": "\xff"}',
    "NaN": b'{"message": NaN}',
    "two objects": b"{} {}",
    "deep": b"[" * 100_000,
    "a deep object": b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
    "U+0000": b'{"\\u0000": "\\u0000"}',
    "a lone surrogate": b'{"\\ud800": "\\udfff"}',
}
"""Whole bodies that no route takes."""


def unfit_values(member: Field) -> Iterator[tuple[str, Any]]:
    """Values for a member of a body.

    U+0000 and lone surrogates come as Python has them; send them as JSON escapes.
    """
    for value in WRONG_KINDS[member.kind]:
        yield f"{value!r:.20} for {member.kind}", value
    if not member.nullable:
        yield "null", None
    if "enum" in member.schema:
        yield "another choice", "something else"
    elif member.kind == "text":
        yield from _unfit_texts(member)
    yield from _out_of_range(member.schema)


def _unfit_texts(member: Field) -> Iterator[tuple[str, str]]:
    schema = member.schema
    yield "U+0000", "a\x00b"
    yield "a lone surrogate", "a\ud800b"
    yield "a reversed surrogate pair", "\udc00\ud800"
    if "pattern" in schema:
        yield "another pattern", "somehow"
    elif "maxLength" not in schema:
        raise Unforeseen(f"{member.path}: a text without bound")
    else:
        yield "too long", "长" * (schema["maxLength"] + 1)
    if schema.get("minLength"):
        yield "too short", "x" * (schema["minLength"] - 1)


def unfit_parameters(member: Field) -> Iterator[tuple[str, str]]:
    """Texts for a query parameter."""
    schema = member.schema
    if "enum" in schema:
        yield "another choice", "something else"
        yield "empty", ""
    elif member.kind == "text":
        yield "U+0000", "a\x00b"
        yield "too long", "长" * (schema["maxLength"] + 1)
    elif member.kind in ("integer", "number"):
        yield "no number", "x"
        yield "huge", str(10**30)
        yield "a fraction", "1.5"
        for name, value in _out_of_range(schema):
            yield name, str(value)
    elif member.kind == "boolean":
        yield "neither true nor false", "maybe"
    elif member.kind != "id":  # ids are another story: unknown ones are 404
        raise Unforeseen(f"{member.path}: a parameter that is an {member.kind}")


def _out_of_range(schema: Json) -> Iterator[tuple[str, float]]:
    if "minimum" in schema:
        yield "too small", schema["minimum"] - 1
    if "maximum" in schema:
        yield "too large", schema["maximum"] + 1
