"""The ways to ask for JSON, the strictest first.

Compatible servers agree on little here: some take a schema with every bound, some a schema without
lengths, some only the wish for an object, some nothing but words. What is asked in a weaker way is
said in words, too.
"""

from collections.abc import Mapping
from dataclasses import replace
from enum import IntEnum
from typing import cast

import orjson

from lingxi_chassis.model.messages import ChatMessage, ChatRequest

_BOUNDS = frozenset(
    {"minLength", "maxLength", "minItems", "maxItems", "minimum", "maximum", "pattern", "format"}
)


class JsonForm(IntEnum):
    """How JSON is asked for."""

    BOUNDED_SCHEMA = 0
    SCHEMA = 1
    OBJECT = 2
    WORDS = 3


def asked_for_json(
    request: ChatRequest, form: JsonForm, name: str, schema: Mapping[str, object]
) -> ChatRequest:
    """The request, asking for JSON of this schema in this form."""
    match form:
        case JsonForm.BOUNDED_SCHEMA:
            return replace(request, response_format=_by_schema(name, schema))
        case JsonForm.SCHEMA:
            return replace(request, response_format=_by_schema(name, _without_bounds(schema)))
        case JsonForm.OBJECT:
            return replace(_in_words(request, schema), response_format={"type": "json_object"})
        case JsonForm.WORDS:
            return _in_words(request, schema)


def _by_schema(name: str, schema: object) -> dict[str, object]:
    form = {"name": name, "strict": True, "schema": schema}
    return {"type": "json_schema", "json_schema": form}


def _without_bounds(schema: object) -> object:
    if isinstance(schema, list):
        return [_without_bounds(one) for one in cast("list[object]", schema)]
    if not isinstance(schema, dict):
        return schema
    fields = cast("dict[str, object]", schema)
    # A property may be called like a bound: those are schemas, bounds are not.
    return {
        key: _without_bounds(value)
        for key, value in fields.items()
        if not (key in _BOUNDS and isinstance(value, int | float | str))
    }


def _in_words(request: ChatRequest, schema: Mapping[str, object]) -> ChatRequest:
    wish = (
        "Answer with one JSON object of this JSON schema, and nothing else:\n"
        + orjson.dumps(schema).decode()
    )
    return replace(request, messages=[*request.messages, ChatMessage("system", wish)])
