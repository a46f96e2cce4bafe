"""The document a user writes to describe an agent, and what a patch makes of it.

`{name, parameters {…, personality_prompt}, timings}`: how the contract shows an agent. Keys among
the parameters that we do not know are kept; all others we do not know are passed over.
"""

import math
from collections.abc import Iterator
from decimal import Decimal
from itertools import islice
from typing import Any

from pydantic import TypeAdapter, ValidationError

from lingxi_contracts.agent import (
    PARAMETERS_BYTES_MAX,
    AgentParameters,
    AgentTimings,
    Name,
    PersonalityPrompt,
)
from lingxi_contracts.base import Frozen, Text
from lingxi_contracts.errors import InvalidInput

PARAMETERS_DEPTH_MAX = 32
"""Readers of JSON give up at some depth; ours must never be what is too deep for them."""
NUMBER_CHARS_MAX = 40
"""Postgres writes 1e308 out as 309 digits: without a bound 32 KiB become megabytes."""
ERRORS_MAX = 20
"""Told of one document; keys in their places are cut at `KEY_CHARS_TOLD_MAX`."""
KEY_CHARS_TOLD_MAX = 100
EXPONENT_FROM = 1e16
"""From here on a float is written with an exponent, and Postgres gives back an integer."""

type Json = bool | int | float | str | list[Json] | dict[str, Json] | None
type Location = tuple[str | int, ...]

_TEXT = TypeAdapter[str](Text)


class DocumentParameters(AgentParameters):
    """An agent's parameters with its personality among them, as users see them."""

    personality_prompt: PersonalityPrompt = ""

    def without_personality(self) -> AgentParameters:
        """The parameters as the log keeps them."""
        return AgentParameters.model_validate(self.model_dump(exclude={"personality_prompt"}))


class Document(Frozen):
    """A whole and valid description of an agent."""

    name: Name
    parameters: DocumentParameters = DocumentParameters()
    timings: AgentTimings | None = None


def as_document(
    name: str, parameters: AgentParameters, personality_prompt: str, timings: AgentTimings | None
) -> dict[str, Json]:
    """The document as JSON, every known key in it."""
    return {
        "name": name,
        "parameters": parameters.model_dump(mode="json")
        | {"personality_prompt": personality_prompt},
        "timings": timings and timings.model_dump(mode="json"),
    }


def merge_patch(target: Json, patch: Json) -> Json:
    """`MergePatch` of RFC 7396, section 2. Neither argument is changed."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge_patch(merged.get(key), value)
    return merged


def patched(document: dict[str, Json], patch: dict[str, Json]) -> Json:
    """The document after a patch.

    A patch cannot say null, it can only remove; but for `auto_apply_confidence` null ("never") and
    absent (the default) differ, and who writes null there means never.
    """
    merged = merge_patch(document, patch)
    if isinstance(merged, dict) and isinstance(parameters := merged.get("parameters"), dict):
        parameters.setdefault("auto_apply_confidence", None)
    return merged


def validated(document: Json) -> Document:
    """The document if it is fit to be an agent's.

    Raises:
        InvalidInput: `errors` of `{type, loc, msg}`, `loc` as in the body of the HTTP request.
    """
    if isinstance(document, dict) and "parameters" in document:
        parameters = document["parameters"]
        if errors := list(islice(_unfit(parameters, ("body", "parameters")), ERRORS_MAX)):
            raise InvalidInput(errors=errors)
        document = document | {"parameters": _as_given_back(parameters)}
    try:
        fit = Document.model_validate(document)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False, include_context=False)
        raise InvalidInput(
            errors=[_error(e["type"], ("body", *e["loc"]), e["msg"]) for e in found]
        ) from None
    size_bytes = len(fit.parameters.without_personality().model_dump_json().encode())
    if size_bytes > PARAMETERS_BYTES_MAX:
        message = f"Parameters should have at most {PARAMETERS_BYTES_MAX} bytes as JSON"
        raise InvalidInput(errors=[_error("too_long", ("body", "parameters"), message)])
    return fit


def _unfit(value: Json, loc: Location, depth: int = 0) -> Iterator[dict[str, Any]]:
    """What can't be stored exactly, wherever it is; keys that we don't know may hold anything."""
    if isinstance(value, str):
        try:
            _TEXT.validate_python(value)
        except ValidationError as error:
            yield _error("value_error", loc, error.errors(include_url=False)[0]["msg"])
    elif isinstance(value, dict | list):
        if depth == PARAMETERS_DEPTH_MAX:
            message = f"Parameters should be nested at most {PARAMETERS_DEPTH_MAX} deep"
            yield _error("too_deep", loc, message)
            return
        if isinstance(value, dict):
            for key in value:
                yield from _unfit(key, loc)
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            told = key if isinstance(key, int) else key[:KEY_CHARS_TOLD_MAX]
            yield from _unfit(item, (*loc, told), depth + 1)
    elif isinstance(value, int | float) and not _is_short(value):
        yield _error("number_too_long", loc, f"Numbers have at most {NUMBER_CHARS_MAX} digits")


def _as_given_back(value: Json) -> Json:
    """What Postgres makes of a fit value: so its size is the size it will have ever after."""
    if isinstance(value, dict):
        return {key: _as_given_back(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_as_given_back(item) for item in value]
    if isinstance(value, float):
        if abs(value) >= EXPONENT_FROM:
            return int(Decimal(repr(value)))
        return value or 0.0  # not -0.0
    return value


def _is_short(number: float) -> bool:
    if isinstance(number, int):
        return abs(number) < 10**NUMBER_CHARS_MAX
    return math.isfinite(number) and len(f"{Decimal(repr(abs(number))):f}") <= NUMBER_CHARS_MAX


def _error(kind: str, loc: Location, message: str) -> dict[str, Any]:
    return {"type": kind, "loc": list(loc), "msg": message}
