"""What holds for every request: slashes, unknown paths, methods, CORS, and ids of requests."""

import re

import httpx
import pytest

from lingxi_chassis.ids import new_id
from tests.e2e.client import NewUser, User, problem
from tests.e2e.routes import METHODS
from tests.e2e.simulated import Model
from tests.e2e.world import Faults, World, all_routes, populated
from tests.fixtures.system import RunningSystem
from tests.fixtures.waiting import eventually

PAGE = "http://localhost:5173"
"""The origin of a web page that is being developed on this machine."""
ELSEWHERE = "https://evil.example"


@pytest.fixture
async def world(users: NewUser) -> World:
    """Somebody who has something of everything."""
    return await populated(await users())


async def test_paths_without_the_final_slash_answer_the_same(world: World) -> None:
    http = world.user.http
    unknown = {name: str(new_id()) for name in world.ids}
    different: list[str] = []
    for route in await all_routes(http):
        assert route.path.endswith("/")
        ids = world.ids if route.method == "GET" else unknown  # so that nothing is changed
        content = None if route.method == "GET" else b"[]"
        url, params = route.url(ids), None
        if route.streams:  # and would not end
            params = {"session_id": unknown["session_id"]}
        answers = [
            await http.request(route.method, path, content=content, params=params)
            for path in (url, url[:-1])
        ]
        bodies = [_comparable(answer) for answer in answers]
        if bodies[0] != bodies[1] or answers[0].json().get("code") == "not_found":
            different.append(f"{route}: {bodies}")
    assert not different, "\n".join(different)


def _comparable(answer: httpx.Response) -> tuple[int, str, str]:
    """Without the slash, URLs in an answer have none either."""
    text = re.sub(r"/(\?[^\"]*)?\"", r'\1"', answer.text)
    text = re.sub(r'"exported_at":"[^"]*"', "", text)  # the one moment in any answer
    return answer.status_code, answer.headers["content-type"], text


async def test_methods_that_a_path_does_not_take(world: World) -> None:
    faults, taken = Faults(), dict[str, set[str]]()
    for route in await all_routes(world.user.http):
        taken.setdefault(route.url(world.ids), set()).add(route.method)
    for url, methods in taken.items():
        for method in {*METHODS, "TRACE", "PURGE"} - methods:
            for path in (url, url[:-1]):
                sending = world.user.http.request(method, path)
                await faults.expect(f"{method} {path}", sending, 405, "method_not_allowed")
        allowed = (await world.user.http.request("PURGE", url)).headers.get("allow", "")
        if set(re.findall(r"[A-Z]+", allowed)) - {"HEAD"} != methods:
            faults.found.append(f"{url}: Allow: {allowed}, not {methods}")
    faults.none(tried_min=100)


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/api",
        "/api/",
        "/api/nothing/",
        "/api/chat/nothing",
        "/api/sessions/x/nothing/",
        "//api/chat/",
        "/api//chat/",
        "/API/chat/",
        "/api/chat/%2e%2e/me/",
        "/docs",
        "/redoc",
        "/health/ready",
        "/metrics",
        "/favicon.ico",
        "/%00",
        "/api/%ED%A0%80/",
    ],
)
async def test_unknown_paths(http: httpx.AsyncClient, user: User, path: str) -> None:
    for client in (http, user.http):
        for method in ("GET", "POST"):
            problem(await client.request(method, path), 404, "not_found")


async def test_a_page_on_this_machine_may_call(http: httpx.AsyncClient, user: User) -> None:
    wanted = {
        "Origin": PAGE,
        "Access-Control-Request-Method": "PATCH",
        "Access-Control-Request-Headers": "authorization,content-type,idempotency-key",
    }
    preflight = await http.options("/api/chat/", headers=wanted)
    assert preflight.status_code == 200
    assert preflight.headers["access-control-allow-origin"] == PAGE
    assert "PATCH" in preflight.headers["access-control-allow-methods"]
    allowed = preflight.headers["access-control-allow-headers"].lower()
    assert {"authorization", "content-type", "idempotency-key"} <= set(allowed.split(", "))
    shown = await user.http.get("/api/me/", headers={"Origin": PAGE})
    assert shown.headers["access-control-allow-origin"] == PAGE
    assert "access-control-allow-credentials" not in shown.headers
    assert "origin" in shown.headers["vary"].lower()
    # Failures too, or a page could not tell what went wrong.
    for answer in (
        await http.get("/api/me/", headers={"Origin": PAGE}),
        await http.get("/nothing", headers={"Origin": PAGE}),
        await http.post("/api/auth/login/", content=b"{", headers={"Origin": PAGE}),
    ):
        assert answer.status_code >= 400
        assert answer.headers["access-control-allow-origin"] == PAGE
        exposed = answer.headers["access-control-expose-headers"].lower()
        assert {"x-request-id", "retry-after"} <= set(exposed.split(", "))


@pytest.mark.parametrize("origin", [ELSEWHERE, "http://localhost.evil.example", "null"])
async def test_a_page_from_elsewhere_may_not(
    http: httpx.AsyncClient, user: User, origin: str
) -> None:
    wanted = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    refused = await http.options("/api/chat/", headers=wanted)
    problem(refused, 403, "cors_refused")
    assert "access-control-allow-origin" not in refused.headers
    shown = await user.http.get("/api/me/", headers={"Origin": origin})
    assert "access-control-allow-origin" not in shown.headers


@pytest.mark.parametrize("given", [None, "", "two words", "x" * 129, "späť", "a;b=c"])
async def test_an_answer_has_a_request_id(http: httpx.AsyncClient, given: str | None) -> None:
    headers = [] if given is None else [(b"X-Request-ID", given.encode())]
    for path in ("/api/me/", "/nothing", "/openapi.json"):
        answer = await http.get(path, headers=headers)
        made = answer.headers["x-request-id"]
        assert made
        assert made != given
        assert answer.headers["x-content-type-options"] == "nosniff"


async def test_a_request_id_travels_into_the_logs(
    system: RunningSystem, user: User, model: Model, marker: str
) -> None:
    request_id = f"from-the-client.{new_id()}"
    await model.fails(do="status", status=401, contains=marker)
    failed = await user.http.post(
        "/api/chat/", json={"message": marker}, headers={"X-Request-ID": request_id}
    )
    problem(failed, 502, "model_auth")
    assert failed.headers["x-request-id"] == request_id

    def logged(name: str) -> bool:
        lines = (line for line in system.output.splitlines() if line.startswith(f"{name} "))
        return any(request_id in line for line in lines)

    await eventually(lambda: logged("gateway") and logged("chat"))
    # Texts are in no log, and neither are passwords and tokens.
    for secret in (marker, user.access, user.refresh, "correct horse"):
        assert secret not in system.output
