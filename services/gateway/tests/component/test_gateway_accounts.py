"""Accounts over HTTP: what each route does, and what it refuses."""

from typing import Any

import pytest

from services.gateway.tests.component.running import (
    PASSWORD,
    RunningGateway,
    StartGateway,
    problem,
)

UNFIT_REGISTRATIONS: list[Any] = [
    {},
    [],
    "text",
    None,
    {"username": "lin"},
    {"password": PASSWORD},
    {"username": "", "password": PASSWORD},
    {"username": "   ", "password": PASSWORD},
    {"username": " lin", "password": PASSWORD},
    {"username": "lin\u3000", "password": PASSWORD},
    {"username": "a\nb", "password": PASSWORD},
    {"username": "a\x00b", "password": PASSWORD},
    {"username": "a" * 151, "password": PASSWORD},
    {"username": 7, "password": PASSWORD},
    {"username": None, "password": PASSWORD},
    {"username": "lin", "password": "seven77"},
    {"username": "lin", "password": "p" * 1025},
    {"username": "lin", "password": "with\x00nul"},
    {"username": "lin", "password": None},
    {"username": "lin", "password": PASSWORD, "email": "no address"},
    {"username": "lin", "password": PASSWORD, "email": "a@"},
    {"username": "lin", "password": PASSWORD, "email": "a @b"},
    {"username": "lin", "password": PASSWORD, "email": "a@" + "b" * 253},
    {"username": "lin", "password": PASSWORD, "email": 7},
]


async def test_register_log_in_and_see_oneself(gateway: RunningGateway) -> None:
    body = {"username": "Lin 林", "password": PASSWORD, "email": "lin@example.org"}
    made = await gateway.post("/api/auth/register/", body)
    assert made.status_code == 201
    assert made.json() == {
        "id": made.json()["id"],
        "username": "Lin 林",
        "email": "lin@example.org",
    }
    tokens = await gateway.logged_in("Lin 林")
    assert tokens.keys() == {"access", "refresh"}
    me = await gateway.me(tokens["access"])
    assert me.status_code == 200
    created_at = me.json()["created_at"]
    assert created_at.endswith("Z")
    assert me.json() == made.json() | {"timezone": "UTC", "created_at": created_at}


@pytest.mark.parametrize("email", [None, ""])
async def test_an_address_may_be_left_empty(gateway: RunningGateway, email: str | None) -> None:
    body = {"username": "lin", "password": PASSWORD, "email": email}
    made = await gateway.post("/api/auth/register/", body)
    assert made.status_code == 201
    assert made.json()["email"] is None


@pytest.mark.parametrize("again", ["Lin", "LIN", "ＬＩＮ"])
async def test_a_name_is_taken_whatever_its_form(gateway: RunningGateway, again: str) -> None:
    await gateway.registered("Lin")
    answer = await gateway.post("/api/auth/register/", {"username": again, "password": PASSWORD})
    problem(answer, 409, "username_taken")
    assert (await gateway.logged_in(again)).keys() == {"access", "refresh"}


async def test_unfit_registrations(gateway: RunningGateway) -> None:
    for body in UNFIT_REGISTRATIONS:
        refused = problem(await gateway.post("/api/auth/register/", body), 422, "invalid_input")
        assert refused["errors"], body
        assert PASSWORD not in str(refused)


async def test_registration_closed(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(REGISTRATION_OPEN=False)
    body = {"username": "lin", "password": PASSWORD}
    problem(await gateway.post("/api/auth/register/", body), 403, "registration_closed")


@pytest.mark.parametrize(
    ("username", "password"),
    [("lin", "another one"), ("nobody", PASSWORD), ("lin", ""), ("", ""), ("lin", PASSWORD + " ")],
)
async def test_log_in_needs_name_and_password(
    gateway: RunningGateway, username: str, password: str
) -> None:
    await gateway.registered("lin")
    body = {"username": username, "password": password}
    answer = await gateway.post("/api/auth/login/", body)
    problem(answer, 401, "credentials_invalid")
    assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    "body",
    [{}, [], {"username": "lin"}, {"username": "lin", "password": 7}, {"username": "a" * 151}],
)
async def test_unfit_logins(gateway: RunningGateway, body: Any) -> None:
    refused = problem(await gateway.post("/api/auth/login/", body), 422, "invalid_input")
    assert refused["errors"]


async def test_change_address_and_time_zone(gateway: RunningGateway) -> None:
    lin = await gateway.registered()
    before = (await gateway.me(lin.access)).json()
    path = "/api/me/"
    changed = await gateway.http.patch(
        path, json={"email": "a@b.example", "timezone": "Asia/Shanghai"}, headers=lin.bearer
    )
    assert changed.status_code == 200
    wanted = before | {"email": "a@b.example", "timezone": "Asia/Shanghai"}
    assert changed.json() == wanted
    assert (await gateway.http.patch(path, json={}, headers=lin.bearer)).json() == wanted
    changed = await gateway.http.patch(path, json={"email": None}, headers=lin.bearer)
    assert changed.json() == wanted | {"email": None}
    assert (await gateway.me(lin.access)).json() == wanted | {"email": None}


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({"timezone": "Mars/Olympus"}, "timezone"),
        ({"timezone": ""}, "timezone"),
        ({"timezone": "../etc/passwd"}, "timezone"),
        ({"timezone": 8}, "timezone"),
        ({"email": "nobody"}, "email"),
        ({"username": "another"}, "username"),
        ({"new_password": "a new password"}, "current_password"),
        ({"new_password": "short", "current_password": PASSWORD}, "new_password"),
        ({"new_password": "p" * 1025, "current_password": PASSWORD}, "new_password"),
    ],
)
async def test_unfit_changes(gateway: RunningGateway, body: Any, where: str) -> None:
    lin = await gateway.registered()
    answer = await gateway.http.patch("/api/me/", json=body, headers=lin.bearer)
    refused = problem(answer, 422, "invalid_input")
    assert where in refused["errors"][0]["loc"]


async def test_me_is_mine_only(gateway: RunningGateway) -> None:
    first, second = await gateway.registered("first"), await gateway.registered("second")
    await gateway.http.patch("/api/me/", json={"email": "f@example.org"}, headers=first.bearer)
    assert (await gateway.me(second.access)).json()["username"] == "second"
    assert (await gateway.me(second.access)).json()["email"] is None


async def test_a_new_password_ends_all_other_logins(gateway: RunningGateway) -> None:
    lin = await gateway.registered("lin")
    other = await gateway.logged_in("lin")
    body = {"current_password": PASSWORD, "new_password": "battery staple"}
    changed = await gateway.http.patch("/api/me/", json=body, headers=lin.bearer)
    assert changed.status_code == 200
    # The caller goes on with the tokens it has ...
    assert (await gateway.me(lin.access)).status_code == 200
    renewed = await gateway.refreshed(lin.refresh)
    assert (await gateway.me(renewed["access"])).status_code == 200
    # ... and nobody else does.
    problem(await gateway.me(other["access"]), 401, "token_invalid")
    answer = await gateway.post("/api/auth/refresh/", {"refresh": other["refresh"]})
    problem(answer, 401, "token_invalid")
    answer = await gateway.post("/api/auth/login/", {"username": "lin", "password": PASSWORD})
    problem(answer, 401, "credentials_invalid")
    assert await gateway.logged_in("lin", "battery staple")


async def test_a_new_password_needs_the_current_one(gateway: RunningGateway) -> None:
    lin = await gateway.registered("lin")
    body = {"current_password": "guessed wrong", "new_password": "battery staple"}
    answer = await gateway.http.patch("/api/me/", json=body, headers=lin.bearer)
    problem(answer, 403, "password_wrong")
    assert await gateway.logged_in("lin")
