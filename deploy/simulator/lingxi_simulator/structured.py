"""Structured answers: JSON that is valid against a JSON schema, with sense where a name is known.

The generator walks the schema (types, enum, const, $ref, anyOf, bounds of length, size and value)
and asks `meaning` what a field of that name would say about the conversation.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import cast

from lingxi_simulator.meaning import Meaning

DEPTH_MAX = 12
_NO_UUID = "00000000-0000-7000-8000-000000000000"
type Schema = Mapping[str, object]


def generate(schema: object, meaning: Meaning) -> object:
    """A value valid against the schema; the same for the same conversation."""
    root = _as_schema(schema)
    meaning = replace(meaning, decides="decision" in _as_schema(root.get("properties")))
    return _Generator(root, meaning).value(root, "", 0)


class _Generator:
    def __init__(self, root: Schema, meaning: Meaning) -> None:
        self._root = root
        self._meaning = meaning

    def value(self, schema: Schema, name: str, depth: int) -> object:
        schema = self._resolved(schema, depth)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            choices = list(cast(Sequence[object], schema["enum"]))
            return self._meaning.choice(name, choices)
        if _type_of(schema) == "object":
            return self._object(schema, depth)
        if _type_of(schema) == "array":
            return self._array(schema, name, depth)
        return self._single(schema, name)

    def _single(self, schema: Schema, name: str) -> object:
        if _may_be_null(schema) and self._meaning.lacks(name):
            return None
        match _type_of(schema):
            case "string":
                return _bounded_text(self._meaning.text(name), schema)
            case "boolean":
                return self._meaning.flag(name)
            case "integer":
                return int(_bounded_number(round(self._meaning.number(name)), schema, 1))
            case "number":
                return _bounded_number(self._meaning.number(name), schema, 0.001)
            case _:
                return None

    def _resolved(self, schema: Schema, depth: int) -> Schema:
        for _ in range(DEPTH_MAX):
            if "$ref" in schema:
                schema = self._at(str(schema["$ref"]))
            elif "anyOf" in schema or "oneOf" in schema:
                options = cast(Sequence[object], schema.get("anyOf") or schema.get("oneOf"))
                schema = _best([_as_schema(option) for option in options], depth)
            elif "allOf" in schema:
                merged: dict[str, object] = {}
                for part in cast(Sequence[object], schema["allOf"]):
                    merged |= self._resolved(_as_schema(part), depth)
                schema = merged
            else:
                break
        return schema

    def _at(self, reference: str) -> Schema:
        found: object = self._root
        for step in reference.removeprefix("#").strip("/").split("/"):
            found = _as_schema(found).get(step, {}) if step else found
        return _as_schema(found)

    def _object(self, schema: Schema, depth: int) -> dict[str, object]:
        properties = _as_schema(schema.get("properties", {}))
        required = cast(Sequence[str], schema.get("required", ()))
        wanted = [name for name in properties if depth < DEPTH_MAX or name in required]
        return {name: self.value(_as_schema(properties[name]), name, depth + 1) for name in wanted}

    def _array(self, schema: Schema, name: str, depth: int) -> list[object]:
        items = _as_schema(schema.get("items", {"type": "string"}))
        least = int(cast(float, schema.get("minItems", 0)))
        most = int(cast(float, schema.get("maxItems", 50)))
        if depth >= DEPTH_MAX:
            most = least
        kept = self._meaning.items(name)[: max(least, most)]
        made = [_Generator(self._root, one).value(items, name, depth + 1) for one in kept[:most]]
        while len(made) < least:
            made.append(self.value(items, name, depth + 1))
        return made


def _as_schema(value: object) -> Schema:
    return cast(Schema, value) if isinstance(value, Mapping) else {}


def _type_of(schema: Schema) -> str:
    kind = schema.get("type")
    if isinstance(kind, list):
        kinds = cast(list[str], kind)
        return next((one for one in kinds if one != "null"), "null")
    if isinstance(kind, str):
        return kind
    return "object" if "properties" in schema else "string"


def _may_be_null(schema: Schema) -> bool:
    kind = schema.get("type")
    return isinstance(kind, list) and "null" in cast(list[str], kind)


def _best(options: Sequence[Schema], depth: int) -> Schema:
    nulls = [option for option in options if option.get("type") == "null"]
    if depth >= DEPTH_MAX and nulls:
        return nulls[0]
    return next((option for option in options if option.get("type") != "null"), {"type": "null"})


def _bounded_text(text: str, schema: Schema) -> str:
    least = int(cast(float, schema.get("minLength", 0)))
    most = int(cast(float, schema.get("maxLength", 100_000)))
    if schema.get("format") == "date-time":
        return "2026-01-01T00:00:00Z"
    if schema.get("format") == "uuid":
        return text if len(text) == len(_NO_UUID) else _NO_UUID
    return text[:most].ljust(least, ".")


def _bounded_number(value: float, schema: Schema, step: float) -> float:
    low = schema.get("minimum")
    above = schema.get("exclusiveMinimum")
    high = schema.get("maximum")
    below = schema.get("exclusiveMaximum")
    if isinstance(low, int | float):
        value = max(value, low)
    if isinstance(above, int | float):
        value = max(value, above + step)
    if isinstance(high, int | float):
        value = min(value, high)
    if isinstance(below, int | float):
        value = min(value, below - step)
    return value
