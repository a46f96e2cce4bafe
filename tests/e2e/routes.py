"""Every route, read off the app's own OpenAPI document: its ids, parameters, body and their faults.

What the document describes is covered without a further line here. What it describes in a way that
nobody has thought about yet (a new kind of id, a free-form body) raises `Unforeseen`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from tests.e2e.client import Json

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
DEPTH_MAX = 8
DESCRIBED_ELSEWHERE = {("PATCH", "/api/agents/{agent_id}/"): "AgentBody"}
"""Free-form bodies, and the schema whose fields they may hold: a merge patch on it."""


class Unforeseen(Exception):
    """The document describes something these tests have no rule for: give them one."""


@dataclass(frozen=True)
class Field:
    """A place for a value: in a body (a path of member names) or among the parameters."""

    path: tuple[str, ...]
    schema: Json
    required: bool
    nullable: bool

    @property
    def name(self) -> str:
        """The last part of its path."""
        return self.path[-1]

    @property
    def kind(self) -> str:
        """`id`, `text`, `integer`, `number`, `boolean` or `object`."""
        match self.schema:
            case {"type": "string", "format": "uuid"}:
                return "id"
            case {"type": "string"}:
                return "text"
            case {"type": "integer" | "number" | "boolean" | "object" as kind}:
                return kind
            case _:
                raise Unforeseen(f"{self.path}: {self.schema}")


@dataclass(frozen=True)
class Route:
    """One method of one path."""

    method: str
    path: str
    protected: bool
    parameters: Mapping[str, Sequence[Field]]
    """By `in`: path, query, header."""
    body: Sequence[Field] | None
    """All its members, nested ones too; None: it takes no body."""
    examples: Sequence[Json] = field(default_factory=list[Json])
    streams: bool = False
    """Its good answer is a stream that goes on."""

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def ids(self) -> list[str]:
        """The names of the ids in its path."""
        return [one.name for one in self.parameters["path"]]

    def url(self, ids: Mapping[str, str]) -> str:
        """Its path with ids. A kind of id that nobody has thought about is `Unforeseen`."""
        try:
            return self.path.format_map(ids)
        except KeyError as missing:
            raise Unforeseen(f"{self}: an id called {missing}") from None


def routes_of(document: Json) -> list[Route]:
    """The routes of an OpenAPI document."""
    return [
        _route(document, method.upper(), path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if method.upper() in METHODS
    ]


def _route(document: Json, method: str, path: str, operation: Json) -> Route:
    parameters: dict[str, list[Field]] = {"path": [], "query": [], "header": []}
    for described in operation.get("parameters", ()):
        schema, nullable = _resolve(document, described["schema"])
        one = Field((described["name"],), schema, described.get("required", False), nullable)
        parameters[described["in"]].append(one)
    body: list[Field] | None = None
    examples: list[Json] = []
    if "requestBody" in operation:
        schema = _body_schema(document, method, path, operation["requestBody"]["content"])
        body = list(_members(document, schema, ()))
        examples = schema.get("examples", [])
    told: Json = operation["responses"].get("200", {}).get("content", {})
    streams = told.keys() == {"text/event-stream"}
    return Route(method, path, "security" in operation, parameters, body, examples, streams)


def _body_schema(document: Json, method: str, path: str, content: Json) -> Json:
    if content.keys() != {"application/json"}:
        raise Unforeseen(f"{method} {path}: a body of {sorted(content)}")
    schema, _ = _resolve(document, content["application/json"]["schema"])
    if "properties" in schema:
        return schema
    name = DESCRIBED_ELSEWHERE.get((method, path))
    if name is None:
        raise Unforeseen(f"{method} {path}: a free-form body")
    elsewhere = document["components"]["schemas"][name]
    return {**elsewhere, "required": [], "examples": schema.get("examples", [])}


def _members(document: Json, schema: Json, above: tuple[str, ...]) -> Iterator[Field]:
    if len(above) > DEPTH_MAX:
        raise Unforeseen(f"{above}: nested too deep")
    for name, described in schema.get("properties", {}).items():
        resolved, nullable = _resolve(document, described)
        required = name in schema.get("required", ())
        yield Field((*above, name), resolved, required, nullable)
        yield from _members(document, resolved, (*above, name))


def _resolve(document: Json, schema: Json) -> tuple[Json, bool]:
    """The schema behind references, and whether null is another possibility."""
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    if "anyOf" not in schema:
        return schema, False
    choices = [one for one in schema["anyOf"] if one != {"type": "null"}]
    if len(choices) != 1:
        raise Unforeseen(f"a choice: {schema}")
    resolved, _ = _resolve(document, choices[0])
    return resolved, len(choices) < len(schema["anyOf"])


def valid_body(route: Route, known: Mapping[str, str]) -> Json:
    """A body the route takes: its example and what is required; ids and tokens as known."""
    body: Json = dict(route.examples[0]) if route.examples else {}
    for member in route.body or ():
        if len(member.path) > 1 or not (member.required or member.name in body):
            continue
        if member.name in known or member.name not in body:
            body[member.name] = valid_value(member, known)
    return body


def valid_value(member: Field, known: Mapping[str, str]) -> Any:
    """A value that fits."""
    schema = member.schema
    if member.name in known:
        return known[member.name]
    if schema.get("examples"):
        return schema["examples"][0]
    if "enum" in schema:
        return schema["enum"][0]
    match member.kind:
        case "text":
            return "08:00" if "pattern" in schema else "x" * max(1, schema.get("minLength", 1))
        case "integer" | "number":
            return schema.get("minimum", 0)
        case "boolean":
            return False
        case "object":
            return {}
        case _:
            raise Unforeseen(f"an id called {member.name}")


def with_value(route: Route, body: Json, member: Field, value: Any) -> Json:
    """The body with another value at one place; objects on the way are made, and filled."""
    changed = dict(body)
    at = changed
    for depth, name in enumerate(member.path[:-1], 1):
        inner = cast("Json", dict(at.get(name) or {}))
        for beside in route.body or ():
            if beside.path[:-1] == member.path[:depth] and beside.required:
                inner.setdefault(beside.name, valid_value(beside, {}))
        at[name] = inner
        at = inner
    at[member.name] = value
    return changed
