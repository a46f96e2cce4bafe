"""What holds for every address: paths, bodies, problems, headers, origins."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from lingxi_gateway.entrypoints.http.body import BODY_BYTES_MAX
from services.gateway.tests.component.running import (
    PASSWORD,
    RunningGateway,
    StartGateway,
    problem,
)

JSON = {"Content-Type": "application/json"}
ORIGIN = "https://app.example"
REGISTER = "/api/auth/register/"
LOGIN = "/api/auth/login/"


async def test_a_path_answers_the_same_without_its_slash(gateway: RunningGateway) -> None:
    lin = await gateway.registered("lin")
    body = {"username": "lin", "password": PASSWORD}
    answer = await gateway.post("/api/auth/login", body)
    assert answer.status_code == 200
    assert not answer.history
    for path in ("/api/me", "/api/me/", "/api/me?a=b"):
        answer = await gateway.http.get(path, headers=lin.bearer)
        assert (answer.status_code, answer.json()["username"]) == (200, "lin"), path


async def test_openapi_has_each_path_once(gateway: RunningGateway) -> None:
    schema = (await gateway.http.get("/openapi.json")).json()
    paths = set(schema["paths"])
    assert {REGISTER, LOGIN, "/api/me/"} <= paths
    assert all(path.endswith("/") for path in paths)
    register = schema["paths"][REGISTER]["post"]
    assert register["responses"]["409"]["content"].keys() == {"application/problem+json"}
    assert register["tags"] == ["accounts"]
    assert "HTTPValidationError" not in schema["components"]["schemas"]
    assert schema["components"]["schemas"]["RegisterBody"]["examples"]
    assert schema["paths"]["/api/me/"]["get"]["security"]


@pytest.mark.parametrize("path", ["/", "/nothing", "/api/", "/api/nothing/", "/api/me/more", "//"])
async def test_unknown_addresses(gateway: RunningGateway, path: str) -> None:
    problem(await gateway.http.get(path), 404, "not_found")


async def test_methods_an_address_does_not_take(gateway: RunningGateway) -> None:
    answer = await gateway.http.delete(LOGIN)
    problem(answer, 405, "method_not_allowed")
    assert answer.headers["allow"] == "POST"


@pytest.mark.parametrize(
    ("content", "headers"),
    [
        (b"{", JSON),
        (b"", JSON),
        (b"not json", JSON),
        (b'{"username": "a", "password": "\xff\xfe"}', JSON),
        (b'{"username": NaN}', JSON),
        (b'{"username": "\\ud800", "password": "correct horse"}', JSON),
        (b'{"username": "a\\u0000b", "password": "correct horse"}', JSON),
        (b'{"username": "ab", "password": "correct horse", "more": {"a": ["\\u0000"]}}', JSON),
        (b'{"username": "ab", "password": "correct horse", "a\\u0000": 1}', JSON),
        (b'{"username": "ab", "password": "correct horse"} more', JSON),
        (b"[" * 100_000, JSON),
        (b"9" * 100_000, JSON),
        (b'{"username": "ab", "password": "correct horse"}', {"Content-Type": "text/plain"}),
        (b'{"username": "ab", "password": "correct horse"}', {}),
        (b"username=ab", {"Content-Type": "application/x-www-form-urlencoded"}),
        (b'{"username": "ab", "password": "correct horse"}', {"Content-Type": "nonsense"}),
    ],
)
async def test_unfit_bodies(
    gateway: RunningGateway, content: bytes, headers: dict[str, str]
) -> None:
    answer = await gateway.http.post(REGISTER, content=content, headers=headers)
    refused = problem(answer, 422, "invalid_input")
    assert refused["errors"][0]["loc"][0] == "body"
    assert refused["errors"][0]["msg"]


async def test_a_backslash_before_u0000_is_just_text(gateway: RunningGateway) -> None:
    body = b'{"username": "a\\\\u0000b", "password": "correct horse"}'
    answer = await gateway.http.post(REGISTER, content=body, headers=JSON)
    assert answer.status_code == 201
    assert answer.json()["username"] == "a\\u0000b"


async def test_json_by_another_name(gateway: RunningGateway) -> None:
    body = b'{"username": "lin", "password": "correct horse"}'
    headers = {"Content-Type": "application/merge-patch+json; charset=utf-8"}
    assert (await gateway.http.post(REGISTER, content=body, headers=headers)).status_code == 201


async def test_too_large_a_body(gateway: RunningGateway) -> None:
    """Guards `BODY_BYTES_MAX`."""

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(2 * BODY_BYTES_MAX // 65_536):
            yield b" " * 65_536

    announced = await gateway.http.post(REGISTER, content=b" " * (BODY_BYTES_MAX + 1), headers=JSON)
    streamed = await gateway.http.post(REGISTER, content=endless(), headers=JSON)
    for answer in (announced, streamed):
        assert problem(answer, 413, "payload_too_large")["bytes_max"] == BODY_BYTES_MAX
    most = await gateway.http.post(REGISTER, content=b" " * BODY_BYTES_MAX, headers=JSON)
    problem(most, 422, "invalid_input")


@pytest.mark.parametrize("hsts_seconds", [0, 31_536_000])
async def test_headers_of_every_answer(start_gateway: StartGateway, hsts_seconds: int) -> None:
    """Guards every route there is, good and bad requests, pages, files, and preflights."""
    gateway = await start_gateway(HSTS_SECONDS=hsts_seconds, CORS_ALLOWED_ORIGINS=ORIGIN)
    lin = await gateway.registered("lin")
    page = {"Accept": "text/html"}
    document = (await gateway.http.get("/openapi.json")).json()
    routes = [
        (method, path.replace("{", "").replace("}", ""))
        for path, methods in document["paths"].items()
        for method in methods
    ]
    assert len(routes) > 30
    answers = [
        await gateway.http.request(method, path, headers=headers, content=b"{")
        for method, path in routes
        for headers in ({}, lin.bearer)
        # The feed goes on, and chat's owners are away: seconds each.
        if not (headers and path in ("/api/events/", "/api/export/"))
        and not (headers and method == "get" and path != "/api/me/")
    ]
    answers += [
        await gateway.http.request(method, path, headers=headers)
        for method, path, headers in (
            ("GET", "/api/me/", lin.bearer),
            ("GET", "/openapi.json", {}),
            ("GET", "/asyncapi", {}),
            ("GET", "/.well-known/jwks.json", {}),
            ("GET", "/nothing", {}),
            ("PURGE", "/api/me/", {}),
            ("GET", "/", page),
            ("GET", "/assets/nothing.js", {}),
            ("OPTIONS", LOGIN, preflight(ORIGIN)),
            ("OPTIONS", LOGIN, preflight("https://evil.example")),
        )
    ]
    for answer in answers:
        where = f"{answer.request.method} {answer.request.url} {answer.status_code}"
        told = answer.headers
        assert told["x-content-type-options"] == "nosniff", where
        assert told["referrer-policy"] == "no-referrer", where
        assert told["x-frame-options"] == "DENY", where
        assert "default-src 'none'" in told["content-security-policy"], where
        assert "frame-ancestors 'none'" in told["content-security-policy"], where
        assert "unsafe-inline" not in told["content-security-policy"].partition("style-src")[0], (
            where
        )
        assert told.get("strict-transport-security") == (
            f"max-age={hsts_seconds}" if hsts_seconds else None
        ), where
        assert "server" not in told, where
        of_accounts = answer.request.url.path.startswith("/api/")
        assert not of_accounts or told["cache-control"] in ("no-store", "no-cache"), where


@pytest.mark.parametrize(
    ("sent", "kept"),
    [("job-17.A_b", True), ("", False), ("with space", False), ("a" * 129, False), ("ä", False)],
)
async def test_the_correlation_id(gateway: RunningGateway, sent: str, kept: bool) -> None:
    headers = httpx.Headers({b"X-Request-ID": sent.encode()} if sent else {})
    first = await gateway.http.get("/api/me/", headers=headers)
    second = await gateway.http.get("/api/me/", headers=headers)
    ids = {first.headers["x-request-id"], second.headers["x-request-id"]}
    assert ids == {sent} if kept else len(ids) == 2


async def test_the_correlation_id_reaches_the_log(gateway: RunningGateway) -> None:
    body = {"username": "lin", "password": PASSWORD}
    await gateway.post(REGISTER, body, headers={"X-Request-ID": "job-17"})
    async with gateway.pool.connection() as connection:
        rows = await (await connection.execute(b"select metadata from events")).fetchall()
    assert [row[0]["correlation_id"] for row in rows] == ["job-17"]


async def test_the_access_log_has_no_texts(gateway: RunningGateway) -> None:
    with capture_logs() as lines:
        await gateway.post(LOGIN, {"username": "some name", "password": PASSWORD})
        await gateway.http.get("/api/me/?q=some+query", headers={"Authorization": "Bearer abc"})
    requests = [line for line in lines if line["event"] == "request"]
    assert [(line["method"], line["route"], line["status"]) for line in requests] == [
        ("POST", LOGIN, 401),
        ("GET", "/api/me/", 401),
    ]
    assert not any(text in str(lines) for text in ("some", PASSWORD, "abc"))


def preflight(origin: str, method: str = "POST", headers: str = "authorization") -> dict[str, str]:
    return {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": headers,
    }


async def test_origins_that_may_call(start_gateway: StartGateway) -> None:
    allowed = f"{ORIGIN}, loopback, http://intranet:*"
    gateway = await start_gateway(CORS_ALLOWED_ORIGINS=allowed)
    wanted = "authorization, content-type, idempotency-key, last-event-id"
    for origin in (
        ORIGIN,
        "http://localhost:5173",
        "https://localhost",
        "http://127.0.0.1:8000",
        "http://[::1]:3000",
        "http://intranet:81",
    ):
        asked = await gateway.http.options(LOGIN, headers=preflight(origin, headers=wanted))
        assert asked.status_code == 200, origin
        assert asked.headers["access-control-allow-origin"] == origin
        assert "access-control-allow-credentials" not in asked.headers
        called = await gateway.post(LOGIN, {}, headers={"Origin": origin})
        assert called.headers["access-control-allow-origin"] == origin
        assert "x-request-id" in called.headers["access-control-expose-headers"].lower()


async def test_origins_that_may_not_call(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(CORS_ALLOWED_ORIGINS=f"{ORIGIN}, loopback")
    for origin in (
        "https://evil.example",
        f"{ORIGIN}.evil.example",
        "http://localhost.evil.example",
        "http://localhost:5173.evil.example",
        "http://app.example",
        "null",
    ):
        asked = await gateway.http.options(LOGIN, headers=preflight(origin))
        problem(asked, 403, "cors_refused")
        assert "access-control-allow-origin" not in asked.headers, origin
        called = await gateway.post(LOGIN, {}, headers={"Origin": origin})
        assert "access-control-allow-origin" not in called.headers, origin


async def test_no_origin_may_call_by_default(gateway: RunningGateway) -> None:
    asked = await gateway.http.options(LOGIN, headers=preflight("http://localhost:5173"))
    assert "access-control-allow-origin" not in asked.headers


async def test_an_owner_is_away(gateway: RunningGateway) -> None:
    lin = await gateway.registered("lin")
    answer = await gateway.http.get("/api/agents/", headers=lin.bearer)
    problem(answer, 503, "unavailable")
    assert int(answer.headers["retry-after"]) >= 1


async def test_a_fault_of_ours_shows_nothing_from_inside(gateway: RunningGateway) -> None:
    async with gateway.pool.connection() as connection:
        await connection.execute(b"alter table credentials rename to credentials_away")
    body: dict[str, Any] = {"username": "lin", "password": PASSWORD}
    answer = await gateway.post(LOGIN, body)
    refused = problem(answer, 500, "internal_error")
    assert "credentials" not in str(refused)
