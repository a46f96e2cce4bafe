"""The gateway as it runs, on real servers, and clients to call it with."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from lingxi_chassis.ids import new_id
from lingxi_chassis.postgres import Pool, open_pool
from lingxi_chassis.process import Stop
from lingxi_gateway import bootstrap
from lingxi_gateway.settings import Settings

SECRET = "a secret of tests, of more than 32 bytes"
PASSWORD = "correct horse"
POOL_SIZE = 2


@dataclass(frozen=True)
class User:
    """Somebody who is logged in."""

    user_id: str
    username: str
    access: str
    refresh: str

    @property
    def bearer(self) -> dict[str, str]:
        """The header that says so."""
        return bearer(self.access)


@dataclass(frozen=True)
class RunningGateway:
    """The running service, seen from outside, and a look into its database."""

    http: httpx.AsyncClient
    pool: Pool
    settings: Settings

    async def post(self, path: str, body: Any, **options: Any) -> httpx.Response:
        """POST JSON."""
        return await self.http.post(path, json=body, **options)

    async def registered(self, username: str = "") -> User:
        """A new user, logged in."""
        username = username or f"user-{new_id()}"
        body = {"username": username, "password": PASSWORD}
        made = await self.post("/api/auth/register/", body)
        assert made.status_code == 201, made.text
        tokens = await self.logged_in(username)
        return User(made.json()["id"], username, tokens["access"], tokens["refresh"])

    async def logged_in(self, username: str, password: str = PASSWORD) -> dict[str, str]:
        """Tokens of a new login."""
        answer = await self.post("/api/auth/login/", {"username": username, "password": password})
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def refreshed(self, refresh: str) -> dict[str, str]:
        """Tokens for a refresh token that is good."""
        answer = await self.post("/api/auth/refresh/", {"refresh": refresh})
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def me(self, access: str) -> httpx.Response:
        """GET me."""
        return await self.http.get("/api/me/", headers=bearer(access))


async def delete(gateway: RunningGateway, user: User, password: str = PASSWORD) -> None:
    """Users delete their own accounts."""
    body = {"password": password}
    answer = await gateway.http.request("DELETE", "/api/me/", json=body, headers=user.bearer)
    assert answer.status_code == 204, answer.text


type StartGateway = Callable[..., Awaitable[RunningGateway]]
"""`await start_gateway(LOGIN_RATE_LIMIT=3)`: settings by their names; limits are off by default."""


def bearer(access: str) -> dict[str, str]:
    """The header of an access token."""
    return {"Authorization": f"Bearer {access}"}


def problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The problem of an answer, which must be this one."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert body["status"] == status
    assert body["code"] == code, body
    assert isinstance(body["detail"], str)
    assert body["detail"]
    return body


def private_pem(key: Ed25519PrivateKey) -> str:
    """A key as settings hold it."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def public_pem(private: str) -> str:
    """Its other half."""
    key = load_pem_private_key(private.encode(), password=None).public_key()
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


@asynccontextmanager
async def running_gateway(**settings: object) -> AsyncGenerator[RunningGateway]:
    """The service by its own bootstrap."""
    defaults = {
        "LINGXI_INTERNAL_PORT": 0,
        "LINGXI_PORT": 0,
        "LINGXI_LOCAL": True,
        "JWT_SECRET": SECRET,
        "RATE_LIMIT_PER_IP": 0,
        "RATE_LIMIT_PER_USER": 0,
        "LOGIN_RATE_LIMIT": 0,
    }
    given = Settings.model_validate({**defaults, **settings})
    stop = Stop()
    async with (
        bootstrap.serving(given, stop) as port,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=30) as http,
        open_pool(given.database_url, POOL_SIZE) as pool,
    ):
        yield RunningGateway(http, pool, given)
        assert not stop.failed
