"""Every unfit input, on every route of the app's own OpenAPI document, is the problem it names.

Nothing unfit has an effect, and no answer is a 500. New routes are covered as they appear.
"""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.e2e.client import Json, NewUser
from tests.e2e.routes import DESCRIBED_ELSEWHERE, Route, valid_body, with_value
from tests.e2e.unfit import NO_OBJECTS, unfit_parameters, unfit_values
from tests.e2e.world import JSON_TYPE, Faults, World, all_routes, document, populated

BODY_BYTES_MAX = 512 * 1024
OTHER_TYPES = ("text/plain", "application/xml", "application/x-www-form-urlencoded", "")


@pytest.fixture
async def world(users: NewUser) -> World:
    """Somebody who has something of everything."""
    return await populated(await users())


@pytest.fixture
async def routes(world: World) -> list[Route]:
    """Every route."""
    return await all_routes(world.user.http)


@pytest.fixture
def with_bodies(routes: list[Route]) -> list[Route]:
    """The routes that take a body."""
    return [route for route in routes if route.body is not None]


async def test_bodies_that_are_no_json_objects(world: World, with_bodies: list[Route]) -> None:
    before, faults = await world.shown(), Faults()
    for route in with_bodies:
        for what, raw in NO_OBJECTS.items():
            sending = world.send(route, raw)
            await faults.expect(f"{route}, {what}", sending, 422, "invalid_input")
    faults.none(tried_min=150)
    assert await world.shown() == before


async def test_bodies_of_other_types(world: World, with_bodies: list[Route]) -> None:
    before, faults = await world.shown(), Faults()
    for route in with_bodies:
        for name in OTHER_TYPES:
            sending = world.send(route, valid_body(route, world.known), content_type=name)
            await faults.expect(f"{route}, {name}", sending, 422, "invalid_input")
    faults.none(tried_min=40)
    assert await world.shown() == before


async def test_bodies_that_are_too_large(world: World, with_bodies: list[Route]) -> None:
    before, faults = await world.shown(), Faults()

    async def unannounced(raw: bytes) -> AsyncIterator[bytes]:
        yield raw

    for route in with_bodies:
        raw = json.dumps(valid_body(route, world.known)).encode() + b" " * BODY_BYTES_MAX
        url, headers = route.url(world.ids), {"Content-Type": JSON_TYPE}
        for content in (raw, unannounced(raw)):
            sending = world.user.http.request(route.method, url, content=content, headers=headers)
            await faults.expect(str(route), sending, 413, "payload_too_large")
    faults.none(tried_min=20)
    assert await world.shown() == before


async def test_members_that_do_not_fit(world: World, with_bodies: list[Route]) -> None:
    before, faults = await world.shown(), Faults()
    for route in with_bodies:
        body = valid_body(route, world.known)
        is_patch = (route.method, route.path) in DESCRIBED_ELSEWHERE
        for member in route.body or ():
            where = f"{route}, {'.'.join(member.path)}"
            for what, value in unfit_values(member):
                if is_patch and value is None and member.path != ("name",):
                    continue  # null removes, or resets
                sending = world.send(route, with_value(route, body, member, value))
                await faults.expect(f"{where}: {what}", sending, 422, "invalid_input")
            if member.required and len(member.path) == 1:
                without = {name: value for name, value in body.items() if name != member.name}
                sending = world.send(route, without)
                await faults.expect(f"{where}: missing", sending, 422, "invalid_input")
    faults.none(tried_min=400)
    assert await world.shown() == before


async def test_what_free_form_members_may_not_hold(world: World, with_bodies: list[Route]) -> None:
    before, faults = await world.shown(), Faults()
    deep: Any = "x"
    for _ in range(200):
        deep = {"a": deep}
    for route in with_bodies:
        if not any(member.path == ("parameters",) for member in route.body or ()):
            continue
        body = valid_body(route, world.known)
        for own in ("a\x00b", "a\ud800b", ["\x00"], {"\x00": 1}, {"\ud800": 1}, deep):
            sending = world.send(route, {**body, "parameters": {"own": own}})
            await faults.expect(f"{route}, {own!r:.20}", sending, 422, "invalid_input")
    faults.none(tried_min=15)
    assert await world.shown() == before


async def test_query_parameters_that_do_not_fit(world: World, routes: list[Route]) -> None:
    faults = Faults()
    for route in routes:
        for parameter in route.parameters["query"]:
            for what, value in unfit_parameters(parameter):
                sending = world.send(route, b"", params={parameter.name: value})
                where = f"{route}, {parameter.name}: {what}"
                await faults.expect(where, sending, 422, "invalid_input")
    both = {"before": 2, "after": 1}
    sending = world.user.http.get(f"/api/sessions/{world.session_id}/messages/", params=both)
    await faults.expect("before and after", sending, 422, "invalid_input")
    faults.none(tried_min=30)


@pytest.mark.parametrize(
    "text",
    [
        " leading, trailing and inner   spaces ",
        "\n\n\t\r\n",
        "\x01\x1f\x7f\x85\u2028\u2029\ufeff\ufffe\uffff\ufffd",
        "👩‍👩‍👧‍👦 é e\u0301 ﷽ 中文 עברית العربية \U0010ffff",
        '\\u0000 <next> {"messages": ["x"]} \'; drop table messages; -- %s {0} <b>&amp;</b>',
        "😀" * 32_000,
        "x" * 32_000,
    ],
    ids=["spaces", "blank", "controls", "scripts", "syntax", "wide", "long"],
)
async def test_all_other_text_is_kept_exactly(world: World, text: str) -> None:
    said = await world.user.say(text, session_id=world.session_id)
    messages = await world.user.messages(world.session_id)
    (kept,) = [one for one in messages if one["id"] == said["user_message_id"]]
    assert kept["message"] == text
    title = text[:60]
    renamed = await world.user.send("PATCH", f"/api/sessions/{world.session_id}/", {"title": title})
    assert renamed["title"] == title
    path, personality = f"/api/agents/{world.agent_id}/", text[:16_000]
    prompt = {"personality_prompt": personality}
    assert (await world.user.send("PUT", f"{path}personality/", prompt))["personality_prompt"] == (
        personality
    )
    assert (await world.user.get(path))["parameters"]["personality_prompt"] == personality


async def test_the_document_names_problems_and_examples(world: World) -> None:
    described = await document(world.user.http)
    lacking: list[str] = []
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            failures = {
                status: answer
                for status, answer in operation["responses"].items()
                if int(status) >= 400
            }
            wanted = {"503"} | ({"401"} if operation.get("security") else set[str]())
            wanted |= {"404"} if "{" in path else set()
            lacking += [f"{method} {path}: {status}" for status in wanted - failures.keys()]
            for status, answer in failures.items():
                if "application/problem+json" not in answer["content"]:
                    lacking.append(f"{method} {path}: {status} is no problem")
            if "requestBody" in operation and not _has_example(described, operation["requestBody"]):
                lacking.append(f"{method} {path}: an example")
    assert not lacking, "\n".join(lacking)


def _has_example(described: Json, body: Json) -> bool:
    schema: Json = body["content"][JSON_TYPE]["schema"]
    if "$ref" in schema:
        schema = described["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    named = any("examples" in one for one in schema.get("properties", {}).values())
    return bool(schema.get("examples")) or named
