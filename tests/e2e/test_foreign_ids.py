"""Mine only: on every route with an id, a foreign, an unknown and a malformed one are alike."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from lingxi_chassis.ids import new_id
from tests.e2e.client import Json, NewUser
from tests.e2e.routes import Route, valid_body
from tests.e2e.world import Faults, World, all_routes, populated

NOT_FOUND = {
    "agent_id": "agent_not_found",
    "agent_configuration": "agent_not_found",
    "session_id": "session_not_found",
    "message_id": "message_not_found",
    "memory_id": "memory_not_found",
    "up_to": "message_not_found",
}
"""The code of each id. One that is missing here is a new kind: its test fails by KeyError."""
MALFORMED = (
    "x",
    "1",
    "null",
    "undefined",
    "01a203e8-0a7c-73f3-890c-c1bfdeafb5e",
    "01a203e80a7c73f3890cc1bfdeafb5e8",
    "{01a203e8-0a7c-73f3-890c-c1bfdeafb5e8}",
    "urn:uuid:01a203e8-0a7c-73f3-890c-c1bfdeafb5e8",
    "01a203e8-0a7c-73f3-890c-c1bfdeafb5g8",
    "' or 1=1 --",
    "*",
    ">",
    "%00",
    "%ED%A0%80",
    "%F0%9F%98%80",
    "9" * 4000,
)


@dataclass(frozen=True)
class Place:
    """Where a route takes an id."""

    route: Route
    name: str
    where: str

    def __str__(self) -> str:
        return f"{self.route}, {self.name} in {self.where}"


def places(routes: list[Route]) -> Iterator[Place]:
    """Every id of every route: in paths, queries and bodies."""
    for route in routes:
        for name in route.ids:
            yield Place(route, name, "path")
        for parameter in route.parameters["query"]:
            if parameter.kind == "id":
                yield Place(route, parameter.name, "query")
        for member in route.body or ():
            if member.kind == "id":
                assert len(member.path) == 1
                yield Place(route, member.name, "body")


@pytest.fixture
async def mine(users: NewUser) -> World:
    """Somebody who asks for what is another's."""
    return await populated(await users())


@pytest.fixture
async def theirs(users: NewUser) -> World:
    """The other one."""
    return await populated(await users())


async def answers(mine: World, place: Place, given: list[str], faults: Faults) -> list[Json]:
    """The problems that a place answers to these ids."""
    found: list[Json] = []
    for value in given:
        ids, body = dict(mine.ids), valid_body(place.route, mine.known)
        params: dict[str, str] = {}
        if place.where == "path":
            ids[place.name] = value
        elif place.where == "query":
            params[place.name] = value
        else:
            body[place.name] = value
        sending = mine.send(place.route, body, ids=ids, params=params)
        code = NOT_FOUND[place.name]
        found.append(await faults.expect(f"{place}: {value:.50}", sending, 404, code))
    return found


async def test_ids_that_are_not_mine(mine: World, theirs: World) -> None:
    """Guards every owner's check of `user_id`, on every route that takes an id."""
    before = await mine.shown(), await theirs.shown()
    faults = Faults()
    routes = await all_routes(mine.user.http)
    for place in places(routes):
        given = [theirs.ids[place.name], str(new_id()), *MALFORMED]
        if place.where == "path":  # where it would be a segment of its own, or another path
            given = [value.replace(" ", "%20") for value in given if "/" not in value]
        found = await answers(mine, place, given, faults)
        if any(one != found[0] for one in found):
            faults.found.append(f"{place}: not all alike")
    faults.none(tried_min=350)
    assert await mine.shown() == before[0]
    assert await theirs.shown() == before[1]


async def test_ids_of_another_session_of_mine(mine: World) -> None:
    other = await mine.user.say("another session")
    read = f"/api/sessions/{mine.session_id}/read/"
    refused = await mine.user.http.post(read, json={"up_to": other["ai_message_id"]})
    assert (refused.status_code, refused.json()["code"]) == (404, "message_not_found")
    agent = await mine.user.create_agent()
    mixed = await mine.user.post_chat("hi", session_id=mine.session_id, agent_id=agent["id"])
    assert (mixed.status_code, mixed.json()["code"]) == (422, "agent_mismatch")
    same = await mine.user.say("hi", session_id=mine.session_id, agent_id=mine.agent_id)
    assert same["session_id"] == mine.session_id


async def test_ids_in_capitals_are_the_same(mine: World) -> None:
    shown = await mine.user.get(f"/api/agents/{mine.agent_id.upper()}/")
    assert shown["id"] == mine.agent_id


async def test_lists_hold_nothing_of_others(mine: World, theirs: World) -> None:
    for world, other in ((mine, theirs), (theirs, mine)):
        seen = str(await world.shown()) + str(await world.user.get("/api/chat/history/"))
        for foreign in other.ids.values():
            assert foreign not in seen
        assert world.agent_id in seen
