"""Tokens over HTTP: what is no token, what a refresh does, and what ends a login."""

import asyncio
from base64 import urlsafe_b64encode
from datetime import timedelta
from typing import Any

import jwt
import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from lingxi_chassis.clock import utc_now
from lingxi_chassis.ids import new_id
from lingxi_gateway.projections import refresh_families
from services.gateway.tests.component.running import (
    SECRET,
    RunningGateway,
    StartGateway,
    User,
    private_pem,
    problem,
    public_pem,
)
from tests.fixtures.waiting import eventually


def claims_of(token: str) -> dict[str, Any]:
    return jwt.decode(token, options={"verify_signature": False})


def unsigned(claims: dict[str, Any], algorithm: str = "none", signature: str = "") -> str:
    def part(value: dict[str, Any]) -> str:
        return urlsafe_b64encode(orjson.dumps(value)).rstrip(b"=").decode()

    return f"{part({'alg': algorithm, 'typ': 'JWT'})}.{part(claims)}.{signature}"


def signed(claims: dict[str, Any], secret: str = SECRET, algorithm: str = "HS256") -> str:
    return jwt.encode(claims, secret, algorithm)


def no_access_tokens(lin: User) -> dict[str, str]:
    claims = claims_of(lin.access)
    header, payload, signature = lin.access.split(".")
    past = int((utc_now() - timedelta(seconds=1)).timestamp())
    return {
        "refresh token": lin.refresh,
        "expired": signed(claims | {"exp": past}),
        "another secret": signed(claims, "another secret, also of more than 32 bytes"),
        "another algorithm": signed(claims, SECRET * 2, "HS512"),
        "another algorithm, our secret": signed(claims, SECRET * 2, "HS384"),
        "none": unsigned(claims),
        "None": unsigned(claims, "None"),
        "none with our signature": unsigned(claims, "none", signature),
        "HS256 without signature": unsigned(claims, "HS256"),
        "changed payload": f"{header}.{payload[:-2]}xx.{signature}",
        "another user": signed(claims | {"sub": str(new_id())}),
        "another login": signed(claims | {"sid": str(new_id())}),
        "another epoch": signed(claims | {"epoch": claims["epoch"] + 1}),
        "another kind": signed(claims | {"kind": "api"}),
        "no kind": signed({name: claims[name] for name in claims if name != "kind"}),
        "no end": signed({name: claims[name] for name in claims if name != "exp"}),
        "no login": signed({name: claims[name] for name in claims if name != "sid"}),
        "no epoch": signed({name: claims[name] for name in claims if name != "epoch"}),
        "sub no id": signed(claims | {"sub": "lin"}),
        "sid no text": signed(claims | {"sid": 7}),
        "end no number": signed(claims | {"exp": "soon"}),
        "text": "token",
        "dots": "..",
        "long": "a" * 5000,
    }


async def test_what_is_no_access_token(gateway: RunningGateway) -> None:
    lin = await gateway.registered()
    assert (await gateway.me(lin.access)).status_code == 200
    for name, token in no_access_tokens(lin).items():
        answer = await gateway.me(token)
        assert answer.status_code == 401, name
        problem(answer, 401, "token_invalid")
        assert 'error="invalid_token"' in answer.headers["www-authenticate"]
    assert (await gateway.me(lin.access)).status_code == 200


@pytest.mark.parametrize("header", ["", "Bearer", "Basic bGluOmxpbg==", "Token abc"])
async def test_without_a_bearer_token(gateway: RunningGateway, header: str) -> None:
    for method in ("GET", "PATCH"):
        answer = await gateway.http.request(
            method, "/api/me/", json={}, headers={"Authorization": header}
        )
        problem(answer, 401, "not_authenticated")
        assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_the_scheme_is_bearer_whatever_its_case(gateway: RunningGateway) -> None:
    lin = await gateway.registered()
    headers = {"Authorization": f"bearer {lin.access}"}
    assert (await gateway.http.get("/api/me/", headers=headers)).status_code == 200


async def test_what_is_no_refresh_token(gateway: RunningGateway) -> None:
    lin = await gateway.registered()
    claims = claims_of(lin.refresh)
    past = int((utc_now() - timedelta(seconds=1)).timestamp())
    tokens = {
        "access token": lin.access,
        "expired": signed(claims | {"exp": past}),
        "another secret": signed(claims, "another secret, also of more than 32 bytes"),
        "none": unsigned(claims),
        "another user": signed(claims | {"sub": str(new_id())}),
        "another login": signed(claims | {"sid": str(new_id())}),
        "another key": signed(claims | {"key": "guessed"}),
        "no generation": signed({name: claims[name] for name in claims if name != "gen"}),
        "generation no number": signed(claims | {"gen": "1"}),
        "text": "token",
        "empty": "",
        "umlaut": "tökén",
    }
    for path in ("/api/auth/refresh/", "/api/auth/logout/"):
        for name, token in tokens.items():
            answer = await gateway.post(path, {"refresh": token})
            if (
                path.endswith("logout/")
                and name.startswith("another ")
                and name != "another secret"
            ):
                # Signed by us, and not of a login that is there: there is nothing left to do.
                assert answer.status_code == 204, name
            else:
                assert answer.status_code == 401, (path, name)
    await gateway.refreshed(lin.refresh)


@pytest.mark.parametrize("path", ["/api/auth/refresh/", "/api/auth/logout/"])
@pytest.mark.parametrize(
    "body", [{}, [], None, {"refresh": None}, {"refresh": 7}, {"refresh": "a" * 2049}]
)
async def test_unfit_bodies_with_tokens(gateway: RunningGateway, path: str, body: Any) -> None:
    assert problem(await gateway.post(path, body), 422, "invalid_input")["errors"]


async def test_tokens_outlive_a_rotation(start_gateway: StartGateway) -> None:
    """Guards what is signed: by the new key at once, read by both, and by anybody's library."""
    old, new = (private_pem(Ed25519PrivateKey.generate()) for _ in range(2))
    pairs: dict[str, object] = {"LINGXI_LOCAL": False, "JWT_SECRET": None}
    before = await start_gateway(**pairs, JWT_PRIVATE_KEY=old, JWT_OTHER_KEYS=public_pem(new))
    after = await start_gateway(**pairs, JWT_PRIVATE_KEY=new, JWT_OTHER_KEYS=public_pem(old))
    lin = await before.registered("lin")
    renewed = await after.refreshed(lin.refresh)
    for gateway in (before, after):
        for access in (lin.access, renewed["access"]):
            assert (await gateway.me(access)).status_code == 200
    shown = await after.http.get("/.well-known/jwks.json")
    assert shown.headers["cache-control"] == "public, max-age=300"
    keys = jwt.PyJWKSet.from_dict(shown.json())
    kids = [jwt.get_unverified_header(token)["kid"] for token in (renewed["access"], lin.access)]
    assert [key.key_id for key in keys.keys] == kids
    for token, kid in zip((renewed["access"], lin.access), kids, strict=True):
        assert jwt.decode(token, keys[kid], algorithms=["EdDSA"])["sub"] == lin.user_id
    stranger = Ed25519PrivateKey.generate()
    claims = claims_of(lin.access)
    for name, token in {
        "another key": jwt.encode(claims, stranger, "EdDSA", headers={"kid": kids[0]}),
        "an unknown key": jwt.encode(claims, stranger, "EdDSA", headers={"kid": "x"}),
        "a shared secret": signed(claims),
        "none": unsigned(claims),
    }.items():
        assert (await after.me(token)).status_code == 401, name


async def test_a_shared_secret_is_shown_to_nobody(gateway: RunningGateway) -> None:
    assert (await gateway.http.get("/.well-known/jwks.json")).json() == {"keys": []}


async def test_a_client_that_always_uses_its_first_token(gateway: RunningGateway) -> None:
    lin = await gateway.registered()
    for _ in range(5):
        renewed = await gateway.refreshed(lin.refresh)
        assert renewed["refresh"] != lin.refresh
        assert (await gateway.me(renewed["access"])).status_code == 200


async def test_two_tabs_share_a_token(gateway: RunningGateway) -> None:
    lin = await gateway.registered()
    left = right = lin.refresh
    for _ in range(3):
        left = (await gateway.refreshed(left))["refresh"]
        right = (await gateway.refreshed(right))["refresh"]


async def test_a_spent_token_ends_the_login(gateway: RunningGateway) -> None:
    lin = await gateway.registered("lin")
    other = await gateway.logged_in("lin")
    second = await gateway.refreshed(lin.refresh)
    third = await gateway.refreshed(second["refresh"])
    answer = await gateway.post("/api/auth/refresh/", {"refresh": lin.refresh})
    problem(answer, 401, "token_invalid")
    for refresh in (second["refresh"], third["refresh"], lin.refresh):
        answer = await gateway.post("/api/auth/refresh/", {"refresh": refresh})
        problem(answer, 401, "token_invalid")
    for access in (lin.access, second["access"], third["access"]):
        problem(await gateway.me(access), 401, "token_invalid")
    assert (await gateway.me(other["access"])).status_code == 200
    await gateway.refreshed(other["refresh"])


async def test_logging_out_ends_one_login(gateway: RunningGateway) -> None:
    lin = await gateway.registered("lin")
    other = await gateway.logged_in("lin")
    assert (await gateway.me(lin.access)).status_code == 200
    for _ in range(2):
        left = await gateway.post("/api/auth/logout/", {"refresh": lin.refresh})
        assert (left.status_code, left.content) == (204, b"")
    problem(await gateway.me(lin.access), 401, "token_invalid")
    answer = await gateway.post("/api/auth/refresh/", {"refresh": lin.refresh})
    problem(answer, 401, "token_invalid")
    assert (await gateway.me(other["access"])).status_code == 200


async def test_logging_out_everywhere(gateway: RunningGateway) -> None:
    lin = await gateway.registered("lin")
    other = await gateway.logged_in("lin")
    stranger = await gateway.registered("stranger")
    body = {"refresh": lin.refresh, "everywhere": True}
    assert (await gateway.post("/api/auth/logout/", body)).status_code == 204
    for tokens in ({"access": lin.access, "refresh": lin.refresh}, other):
        problem(await gateway.me(tokens["access"]), 401, "token_invalid")
        answer = await gateway.post("/api/auth/refresh/", {"refresh": tokens["refresh"]})
        problem(answer, 401, "token_invalid")
    assert (await gateway.me(stranger.access)).status_code == 200
    problem(await gateway.post("/api/auth/logout/", body), 401, "token_invalid")
    assert await gateway.logged_in("lin")


async def test_a_spent_token_cannot_log_out_everywhere(gateway: RunningGateway) -> None:
    lin = await gateway.registered("lin")
    other = await gateway.logged_in("lin")
    second = await gateway.refreshed(lin.refresh)
    await gateway.refreshed(second["refresh"])
    body = {"refresh": lin.refresh, "everywhere": True}
    problem(await gateway.post("/api/auth/logout/", body), 401, "token_invalid")
    problem(await gateway.me(second["access"]), 401, "token_invalid")
    assert (await gateway.me(other["access"])).status_code == 200


async def test_a_login_that_another_replica_ended(start_gateway: StartGateway) -> None:
    here, there = await start_gateway(), await start_gateway()
    lin = await here.registered()
    assert (await here.me(lin.access)).status_code == 200
    await there.post("/api/auth/logout/", {"refresh": lin.refresh})

    async def refused() -> bool:
        return (await here.me(lin.access)).status_code == 401

    await eventually(refused, seconds_max=10)


async def test_a_login_that_another_replica_began(start_gateway: StartGateway) -> None:
    here, there = await start_gateway(), await start_gateway()
    lin = await here.registered("lin")
    assert (await here.me(lin.access)).status_code == 200
    other = await there.logged_in("lin")
    assert (await here.me(other["access"])).status_code == 200


async def test_tokens_last_as_long_as_set(start_gateway: StartGateway) -> None:
    gateway = await start_gateway(ACCESS_TOKEN_MINUTES=3, REFRESH_TOKEN_DAYS=2)
    lin = await gateway.registered()
    access, refresh = claims_of(lin.access), claims_of(lin.refresh)
    assert access["exp"] - access["iat"] == 3 * 60
    assert refresh["exp"] - refresh["iat"] == 2 * 24 * 3600
    assert access["sub"] == refresh["sub"] == lin.user_id
    assert access["sid"] == refresh["sid"]


async def test_nothing_that_is_stored_is_a_token_or_a_password(gateway: RunningGateway) -> None:
    lin = await gateway.registered()
    body = {"current_password": "correct horse", "new_password": "battery staple"}
    await gateway.http.patch("/api/me/", json=body, headers=lin.bearer)
    stored = ""
    async with gateway.pool.connection() as connection:
        for table in ("events", "streams", "users", "credentials", "refresh_families"):
            cursor = await connection.execute(f"select {table}::text from {table}".encode())
            stored += str(await cursor.fetchall())
        cursor = await connection.execute(b"select type from events order by position")
        types = [row[0] for row in await cursor.fetchall()]
        cursor = await connection.execute(b"select (data || metadata)::text from events")
        logged = str(await cursor.fetchall())
    assert types == ["user_registered.v1", "password_changed.v1"]
    for secret in ("correct horse", "battery staple", claims_of(lin.refresh)["key"], lin.access):
        assert secret not in stored
    assert "argon2id" in stored
    assert "argon2" not in logged


async def test_many_refreshes_at_once(gateway: RunningGateway) -> None:
    lin = await gateway.registered()
    second = await gateway.refreshed(lin.refresh)
    answers = await asyncio.gather(
        *(gateway.post("/api/auth/refresh/", {"refresh": second["refresh"]}) for _ in range(8))
    )
    assert [answer.status_code for answer in answers] == [200] * 8
    for answer in answers:
        await gateway.refreshed(answer.json()["refresh"])


async def test_one_login_too_many_ends_the_one_that_is_not_used(
    gateway: RunningGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards the order in `refresh_families.start`: the oldest may be used every day."""
    monkeypatch.setattr(refresh_families, "FAMILIES_PER_USER_MAX", 3)
    lin = await gateway.registered("lin")
    unused, *logins = [await gateway.logged_in("lin") for _ in range(2)]
    used = await gateway.refreshed(lin.refresh)
    logins += [await gateway.logged_in("lin")]
    answer = await gateway.post("/api/auth/refresh/", {"refresh": unused["refresh"]})
    problem(answer, 401, "token_invalid")
    for tokens in (used, *logins):
        await gateway.refreshed(tokens["refresh"])
