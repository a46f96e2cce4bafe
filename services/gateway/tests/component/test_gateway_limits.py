"""Limits: failed logins for all replicas, requests by address, and whose address counts."""

import asyncio

import httpx

from services.gateway.tests.component.running import (
    PASSWORD,
    RunningGateway,
    StartGateway,
    problem,
)

LOGIN = "/api/auth/login/"
ORIGIN = "https://app.example"


async def fails_at(gateway: RunningGateway, headers: dict[str, str], up_to: int) -> int:
    """After how many failed logins the next one is refused unseen."""
    for count in range(up_to):
        body = {"username": "lin", "password": f"wrong {count}"}
        answer = await gateway.post(LOGIN, body, headers=headers)
        if answer.status_code == 429:
            problem(answer, 429, "too_many_logins")
            assert 1 <= int(answer.headers["retry-after"]) <= 60
            return count
        assert answer.status_code == 401
    return up_to


async def test_failed_logins_are_throttled(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(LOGIN_RATE_LIMIT=3, TRUSTED_PROXIES="127.0.0.1")
    await gateway.registered("lin")
    here, there = {"X-Forwarded-For": "192.0.2.1"}, {"X-Forwarded-For": "192.0.2.2"}
    assert await fails_at(gateway, here, 5) == 3
    body = {"username": "LIN", "password": PASSWORD}
    problem(await gateway.post(LOGIN, body, headers=here), 429, "too_many_logins")
    # Another name from here, and the same name from elsewhere, are not meant.
    other = {"username": "other", "password": PASSWORD}
    problem(await gateway.post(LOGIN, other, headers=here), 401, "credentials_invalid")
    assert (await gateway.post(LOGIN, body, headers=there)).status_code == 200


async def test_another_spelling_of_a_name_is_no_other_name(start_gateway: StartGateway) -> None:
    """Guards the key in `login_failures`: to Python this capital is two letters, here it is i."""
    gateway = await start_gateway(LOGIN_RATE_LIMIT=3)
    await gateway.registered("iii")
    assert await gateway.logged_in("İİİ")
    for guessed in ("İii", "iİi", "iiİ"):
        body = {"username": guessed, "password": "wrong"}
        problem(await gateway.post(LOGIN, body), 401, "credentials_invalid")
    body = {"username": "İİİ", "password": PASSWORD}
    problem(await gateway.post(LOGIN, body), 429, "too_many_logins")


async def test_failed_logins_count_for_all_replicas(start_gateway: StartGateway) -> None:
    first = await start_gateway(LOGIN_RATE_LIMIT=2)
    second = await start_gateway(LOGIN_RATE_LIMIT=2)
    assert await fails_at(first, {}, 2) == 2
    assert await fails_at(second, {}, 1) == 0


async def test_logins_that_succeed_are_not_counted(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(LOGIN_RATE_LIMIT=2)
    await gateway.registered("lin")
    for _ in range(5):
        await gateway.logged_in("lin")


async def test_guesses_at_once_are_throttled(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(LOGIN_RATE_LIMIT=3)
    await gateway.registered("lin")
    body = {"username": "lin", "password": "wrong"}
    answers = await asyncio.gather(*(gateway.post(LOGIN, body) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [401] * 3 + [429] * 5


async def test_guesses_at_the_current_password_are_throttled(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(LOGIN_RATE_LIMIT=2)
    lin = await gateway.registered("lin")
    body = {"current_password": "a guess", "new_password": "battery staple"}
    codes = [
        (await gateway.http.patch("/api/me/", json=body, headers=lin.bearer)).status_code
        for _ in range(3)
    ]
    assert codes == [403, 403, 429]


async def test_requests_are_limited_by_address(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(
        RATE_LIMIT_PER_IP=3, TRUSTED_PROXIES="127.0.0.0/8", CORS_ALLOWED_ORIGINS=ORIGIN
    )

    async def ask(forwarded_for: str) -> httpx.Response:
        headers = {"X-Forwarded-For": forwarded_for, "Origin": ORIGIN}
        return await gateway.http.get("/api/me/", headers=headers)

    codes = [(await ask("192.0.2.1")).status_code for _ in range(3)]
    assert codes == [401] * 3
    refused = await ask("192.0.2.1")
    problem(refused, 429, "too_many_requests")
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    assert refused.headers["access-control-allow-origin"] == ORIGIN
    # What a client writes into the header itself does not count: only what the proxy adds.
    assert (await ask("198.51.100.7, 192.0.2.1")).status_code == 429
    assert (await ask("192.0.2.9")).status_code == 401


async def test_a_stranger_is_no_proxy(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(RATE_LIMIT_PER_IP=2, TRUSTED_PROXIES="10.0.0.0/8")
    codes = [
        (
            await gateway.http.get("/api/me/", headers={"X-Forwarded-For": f"192.0.2.{count}"})
        ).status_code
        for count in range(3)
    ]
    assert codes == [401, 401, 429]
