"""Agents and personalities through HTTP, on the running services."""

from typing import Any

import pytest

from lingxi_chassis.ids import new_id
from lingxi_gateway.entrypoints.http import agents
from services.gateway.tests.integration.running import MODEL, Lingxi, User

pytestmark = pytest.mark.asyncio(loop_scope="module")
NOT_FOUND = "agent_not_found"


async def made(user: User, name: str, **more: Any) -> Any:
    return await user.send("POST", "/api/agents/", {"name": name} | more, 201)


async def test_an_agent_from_its_making_to_its_end(lingxi: Lingxi) -> None:
    user = await lingxi.user()
    parameters = {"personality_prompt": "Calm.", "temperature": 0.5, "likes": {"tea": ["green"]}}
    agent = await made(user, "Lin", parameters=parameters)
    assert agent["parameters"] == parameters | {
        "model": MODEL,
        "proactive_behavior": "balanced",
        "auto_apply_confidence": 0.8,
    }
    assert (agent["name"], agent["timings"], agent["personality_version"]) == ("Lin", None, 1)
    path = f"/api/agents/{agent['id']}/"
    assert await user.get(path) == agent
    assert (await user.get("/api/agents/"))["results"] == [agent]

    patch = {
        "parameters": {"temperature": None, "auto_apply_confidence": None, "likes": {"tea": None}},
        "timings": {"daily_cap": 2, "quiet_hours": {"start": "22:00", "end": "07:30"}},
    }
    patched = await user.send("PATCH", path, patch)
    assert "temperature" not in patched["parameters"]
    assert patched["parameters"]["auto_apply_confidence"] is None
    assert patched["parameters"]["likes"] == {}
    assert patched["parameters"]["personality_prompt"] == "Calm."
    assert patched["timings"]["quiet_hours"] == {"start": "22:00", "end": "07:30"}
    assert patched["personality_version"] == 1

    whole = {"name": "Lin 2", "parameters": {"model": "other", "personality_prompt": "Lively."}}
    replaced = await user.send("PUT", path, whole)
    assert replaced["name"] == "Lin 2"
    assert replaced["parameters"]["model"] == "other"
    assert "likes" not in replaced["parameters"]
    assert replaced["timings"] is None
    assert replaced["personality_version"] == 2

    assert await user.send("DELETE", path, status=204) is None
    assert (await user.get(path, 404))["code"] == NOT_FOUND
    assert (await user.get("/api/agents/"))["count"] == 0


async def test_names_are_unique_for_each_user(lingxi: Lingxi) -> None:
    user, other = await lingxi.user(), await lingxi.user()
    await made(user, "Lin")
    mei = await made(user, "Mei")
    await made(other, "Lin")
    taken = await user.send("POST", "/api/agents/", {"name": "Lin"}, 409)
    assert taken["code"] == "agent_name_taken"
    path = f"/api/agents/{mei['id']}/"
    assert (await user.send("PATCH", path, {"name": "Lin"}, 409))["code"] == "agent_name_taken"
    assert (await user.send("PUT", path, {"name": "Lin"}, 409))["code"] == "agent_name_taken"


async def test_a_ledger_too_long_for_one_answer_goes_on(
    lingxi: Lingxi, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards `OWNER_PAGES_MAX`: nobody's ledger fills this process."""
    monkeypatch.setattr(agents, "OWNER_PAGES_MAX", 1)
    user = await lingxi.user()
    agent = await made(user, "Lin")
    path = f"/api/agents/{agent['id']}/personality/"
    for number in range(2, 13):
        await user.send("PUT", path, {"personality_prompt": str(number) + "🙂" * 15_000})
    first = await user.get(path + "history/")
    rest = await user.get(first["next"])
    told = [one["version"] for one in first["results"] + rest["results"]]
    assert told == list(range(12, 0, -1))
    assert rest["results"]
    assert rest["next"] is None
    for query in ("before=0", "before=x"):
        assert (await user.get(f"{path}history/?{query}", 422))["errors"]


async def test_the_ledger_tells_every_version_and_goes_back(lingxi: Lingxi) -> None:
    user = await lingxi.user()
    agent = await made(user, "Lin", parameters={"personality_prompt": "One."})
    path = f"/api/agents/{agent['id']}/personality/"
    for method, text in (("PUT", "Two."), ("PATCH", "Three.")):
        written = await user.send(method, path, {"personality_prompt": text})
        assert written == {"success": True, "personality_prompt": text}
    rolled = await user.send("POST", path + "rollback/", {"version": 1})
    assert rolled | {"created_at": None} == {
        "version": 4,
        "personality_prompt": "One.",
        "source": "rollback",
        "evidence": [],
        "restored_from": 1,
        "created_at": None,
    }
    ledger = (await user.get(path + "history/"))["results"]
    assert ledger[0] == rolled
    assert [(one["version"], one["personality_prompt"], one["source"]) for one in ledger] == [
        (4, "One.", "rollback"),
        (3, "Three.", "manual"),
        (2, "Two.", "manual"),
        (1, "One.", "created"),
    ]
    unknown = await user.send("POST", path + "rollback/", {"version": 9}, 404)
    assert unknown["code"] == "personality_version_not_found"


async def test_a_ledger_larger_than_one_answer_between_services_is_told_whole(
    lingxi: Lingxi,
) -> None:
    user = await lingxi.user()
    agent = await made(user, "Lin")
    path = f"/api/agents/{agent['id']}/personality/"
    texts = [str(number) + "长" * 15_990 for number in range(13)]
    for text in texts:
        await user.send("PUT", path, {"personality_prompt": text})
    ledger = (await user.get(path + "history/"))["results"]
    assert [one["personality_prompt"] for one in ledger] == [*reversed(texts), ""]


async def test_lists_come_in_pages(lingxi: Lingxi) -> None:
    user = await lingxi.user()
    names = [f"Agent {number}" for number in range(5)]
    for name in names:
        await made(user, name)
    seen: list[str] = []
    previous: list[str | None] = []
    url: str | None = "/api/agents?page_size=2"
    while url is not None:
        page = await user.get(url)
        assert page["count"] == 5
        seen += [agent["name"] for agent in page["results"]]
        previous.append(page["previous"])
        url = page["next"]
    assert seen == names
    base = f"{lingxi.http.base_url}/api/agents/?page_size=2".replace("//api", "/api")
    assert previous == [None, base, base + "&page=2"]
    assert (await user.get("/api/agents/", page=9))["results"] == []


async def test_urls_are_as_a_trusted_proxy_says_and_nobody_else(lingxi: Lingxi) -> None:
    user = await lingxi.user()
    for name in ("One", "Two"):
        await made(user, name)
    forwarded = {"x-forwarded-proto": "https", "x-forwarded-host": "chat.example"}
    answer = await user.request("GET", "/api/agents/?page_size=1", headers=forwarded)
    assert answer.json()["next"].startswith(str(lingxi.http.base_url))
    async with lingxi.replica(TRUSTED_PROXIES="127.0.0.1") as user.http:
        answer = await user.request("GET", "/api/agents/?page_size=1", headers=forwarded)
        assert answer.json()["next"] == "https://chat.example/api/agents/?page_size=1&page=2"


def nested(depth: int) -> Any:
    return {"in": nested(depth - 1)} if depth else 1


UNFIT_AGENTS: list[Any] = [
    {},
    {"name": ""},
    {"name": "x" * 101},
    {"name": 7},
    {"name": "nul\x00"},
    {"name": "Lin", "parameters": {"personality_prompt": "x" * 16_001}},
    {"name": "Lin", "parameters": {"temperature": 3}},
    {"name": "Lin", "parameters": {"max_tokens": 0}},
    {"name": "Lin", "parameters": {"proactive_behavior": "wild"}},
    {"name": "Lin", "parameters": {"auto_apply_confidence": 2}},
    {"name": "Lin", "parameters": {"own": "nul\x00"}},
    {"name": "Lin", "parameters": {"own": nested(40)}},
    {"name": "Lin", "parameters": {"own": nested(400)}},
    {"name": "Lin", "parameters": {"own": "x" * 40_000}},
    {"name": "Lin", "parameters": None},
    {"name": "Lin", "timings": {"quiet_hours": {"start": "25:00", "end": "08:00"}}},
    {"name": "Lin", "timings": {"inactivity_check_minutes": 0}},
    [],
    "Lin",
]


async def test_unfit_agents_are_refused_in_every_way_to_write_them(lingxi: Lingxi) -> None:
    user = await lingxi.user()
    agent = await made(user, "Mei")
    path = f"/api/agents/{agent['id']}/"
    for body in UNFIT_AGENTS:
        for method, where in (("POST", "/api/agents/"), ("PUT", path)):
            refused = await user.send(method, where, body, 422)
            assert refused["code"] == "invalid_input", body
            assert refused["errors"], body
        if body and body != {"name": "Lin", "parameters": None}:
            refused = await user.send("PATCH", path, body, 422)
            assert refused["errors"], body
    for body in ({}, {"personality_prompt": None}, {"personality_prompt": "x" * 16_001}):
        assert (await user.send("PUT", path + "personality/", body, 422))["errors"]
    for body in ({}, {"version": 0}, {"version": "1"}, {"version": 2**40}):
        assert (await user.send("POST", path + "personality/rollback/", body, 422))["errors"]
    for query in ("page=0", "page_size=101", "page_size=0", "page=x", "page=99999999999999999999"):
        assert (await user.get(f"/api/agents/?{query}", 422))["errors"]
    assert await user.get(path) == agent


async def test_foreign_unknown_and_malformed_ids_are_answered_alike(lingxi: Lingxi) -> None:
    owner, user = await lingxi.user(), await lingxi.user()
    agent = await made(owner, "Lin")
    routes: list[tuple[str, str, Any]] = [
        ("GET", "", None),
        ("PUT", "", {"name": "Mine"}),
        ("PATCH", "", {"name": "Mine"}),
        ("DELETE", "", None),
        ("PUT", "personality/", {"personality_prompt": "Mine."}),
        ("PATCH", "personality/", {"personality_prompt": "Mine."}),
        ("GET", "personality/history/", None),
        ("POST", "personality/rollback/", {"version": 1}),
    ]
    for method, rest, body in routes:
        answers = [
            await user.send(method, f"/api/agents/{agent_id}/{rest}", body, 404)
            for agent_id in (agent["id"], new_id(), "no-id", agent["id"] + "0")
        ]
        assert answers == [answers[0]] * 4
        assert answers[0]["code"] == NOT_FOUND
    assert await owner.get(f"/api/agents/{agent['id']}/") == agent
