"""Every protected route refuses every token but a good one: 401, whatever else the request is."""

import base64
import json
from typing import Any

import httpx
import jwt
import pytest

from lingxi_chassis.ids import new_id
from tests.e2e.client import NewUser, User, connection, log_in, problem
from tests.e2e.routes import Route, valid_body
from tests.e2e.world import Faults, World, all_routes, populated
from tests.fixtures.system import JWT_SECRET, RunningSystem
from tests.fixtures.waiting import eventually

OPEN_TO_ALL = {
    "POST /api/auth/register/",
    "POST /api/auth/login/",
    "POST /api/auth/refresh/",
    "POST /api/auth/logout/",
}
"""The only routes that need no access token."""
ACCESS_CHECK_SECONDS_MAX = 10.0
"""A revoked login's access tokens are refused within this."""

type Claims = dict[str, Any]


def claims_of(token: str) -> Claims:
    """What a token says, unchecked."""
    return jwt.decode(token, options={"verify_signature": False})


def signed(claims: Claims, secret: str = JWT_SECRET, algorithm: str = "HS256") -> str:
    """A token that says this."""
    return jwt.encode(claims, secret, algorithm)


def unsigned(claims: Claims, algorithm: str) -> str:
    """A token without a signature that says it needs none."""
    parts = ({"alg": algorithm, "typ": "JWT"}, claims)
    encoded = (base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in parts)
    return b".".join([*encoded, b""]).decode()


def bad_headers(user: User) -> dict[str, str | None]:
    """`Authorization` headers that are no good, by what is wrong."""
    good = claims_of(user.access)
    hour = 3600
    tokens = {
        "expired": signed({**good, "iat": good["iat"] - 2 * hour, "exp": good["iat"] - hour}),
        "forged": signed(good, "another secret, which is just as long as it has to be"),
        "altered": user.access[:-4] + ("AAAA" if user.access[-4:] != "AAAA" else "BBBB"),
        "cut short": user.access.rsplit(".", 1)[0] + ".",
        "alg none": unsigned(good, "none"),
        "alg None": unsigned(good, "None"),
        "a longer signature": signed(good, algorithm="HS512"),
        "another algorithm": signed(good, algorithm="HS384"),
        "a refresh token": user.refresh,
        "an unknown kind": signed({**good, "kind": "admin"}),
        "no kind": signed({name: value for name, value in good.items() if name != "kind"}),
        "no end": signed({name: value for name, value in good.items() if name != "exp"}),
        "no user": signed({name: value for name, value in good.items() if name != "sub"}),
        "no login": signed({name: value for name, value in good.items() if name != "sid"}),
        "an unknown user": signed({**good, "sub": str(new_id())}),
        "an unknown login": signed({**good, "sid": str(new_id())}),
        "another epoch": signed({**good, "epoch": good["epoch"] + 1}),
        "a user that is no id": signed({**good, "sub": "1"}),
        "an end that is no time": signed({**good, "exp": "tomorrow"}),
        "no token at all": "x",
        "three parts": "a.b.c",
        "very long": "x" * 5000,
    }
    return {
        "no header": None,
        "empty": "",
        "only Bearer": "Bearer",
        "Basic": "Basic bGluOmNvcnJlY3QgaG9yc2U=",
        "without Bearer": user.access,
        **{name: f"Bearer {token}" for name, token in tokens.items()},
    }


async def protected(http: httpx.AsyncClient) -> list[Route]:
    """The routes that need a token, by the document; all but the few there are."""
    routes = await all_routes(http)
    assert {str(route) for route in routes if not route.protected} == OPEN_TO_ALL
    return [route for route in routes if route.protected]


@pytest.fixture
async def world(users: NewUser) -> World:
    """Somebody who has something of everything."""
    return await populated(await users())


async def refused(http: httpx.AsyncClient, world: World, header: str | None) -> list[str]:
    """The routes that do not refuse this header, good request or not."""
    faults = Faults()
    headers = {} if header is None else {"Authorization": header}
    code = "token_invalid" if header and header.startswith("Bearer ") else "not_authenticated"
    for route in await protected(http):
        body = json.dumps(valid_body(route, world.known)).encode()
        for url, content in ((route.url(world.ids), body), (route.path, b"{")):
            sending = http.request(route.method, url, content=content, headers=headers)
            await faults.expect(f"{route}", sending, 401, code)
    assert faults.tried > 40
    return faults.found


async def test_every_bad_token_on_every_protected_route(
    http: httpx.AsyncClient, world: World
) -> None:
    before = await world.shown()
    found = {
        what: unrefused
        for what, header in bad_headers(world.user).items()
        if (unrefused := await refused(http, world, header))
    }
    assert found == {}
    assert await world.shown() == before


async def test_a_login_that_ended(
    system: RunningSystem, http: httpx.AsyncClient, world: World
) -> None:
    async with connection(system.base_url) as anybody:
        other = await log_in(anybody, world.user.username)
        left = await anybody.post("/api/auth/logout/", json={"refresh": other["refresh"]})
        assert left.status_code == 204
        assert "content-type" not in left.headers

        async def is_refused() -> bool:
            headers = {"Authorization": f"Bearer {other['access']}"}
            return (await anybody.get("/api/me/", headers=headers)).status_code == 401

        await eventually(is_refused, ACCESS_CHECK_SECONDS_MAX)
        assert await refused(http, world, f"Bearer {other['access']}") == []
        refreshed = await anybody.post("/api/auth/refresh/", json={"refresh": other["refresh"]})
        problem(refreshed, 401, "token_invalid")
    assert (await world.user.get("/api/me/"))["username"] == world.user.username


async def test_logging_out_everywhere(system: RunningSystem, world: World) -> None:
    async with connection(system.base_url) as anybody:
        tokens = [await log_in(anybody, world.user.username) for _ in range(2)]
        body = {"refresh": tokens[0]["refresh"], "everywhere": True}
        assert (await anybody.post("/api/auth/logout/", json=body)).status_code == 204
        for access in (world.user.access, *(one["access"] for one in tokens)):
            answer = await anybody.get("/api/me/", headers={"Authorization": f"Bearer {access}"})
            problem(answer, 401, "token_invalid")
        for refresh in (world.user.refresh, *(one["refresh"] for one in tokens)):
            answer = await anybody.post("/api/auth/refresh/", json={"refresh": refresh})
            problem(answer, 401, "token_invalid")
        assert (await log_in(anybody, world.user.username))["access"]


async def test_refresh_tokens_that_are_no_good(http: httpx.AsyncClient, world: World) -> None:
    good = claims_of(world.user.refresh)
    forger = "another secret, which is just as long as it has to be"
    tokens = {
        "expired": signed({**good, "exp": good["iat"] - 1}),
        "forged": signed(good, forger),
        "alg none": unsigned(good, "none"),
        "an access token": world.user.access,
        "no token": "x",
        "empty": "",
    }
    faults = Faults()
    for what, token in tokens.items():
        for path in ("/api/auth/refresh/", "/api/auth/logout/"):
            sending = http.post(path, json={"refresh": token})
            await faults.expect(f"{path}, {what}", sending, 401, "token_invalid")
    other_key = signed({**good, "key": "x" * 43})
    sending = http.post("/api/auth/refresh/", json={"refresh": other_key})
    await faults.expect("another key", sending, 401, "token_invalid")
    faults.none(tried_min=12)


async def test_a_new_password_ends_other_logins(system: RunningSystem, world: World) -> None:
    changed = {"current_password": "wrong one", "new_password": "another long one"}
    problem(await world.user.http.patch("/api/me/", json=changed), 403, "password_wrong")
    async with connection(system.base_url) as anybody:
        other = await log_in(anybody, world.user.username)
        changed["current_password"] = "correct horse battery"
        await world.user.send("PATCH", "/api/me/", changed)
        answer = await anybody.get(
            "/api/me/", headers={"Authorization": f"Bearer {other['access']}"}
        )
        problem(answer, 401, "token_invalid")
        login = {"username": world.user.username, "password": "correct horse battery"}
        problem(await anybody.post("/api/auth/login/", json=login), 401, "credentials_invalid")
        login["password"] = "another long one"
        assert (await anybody.post("/api/auth/login/", json=login)).status_code == 200
    assert (await world.user.get("/api/me/"))["username"] == world.user.username
