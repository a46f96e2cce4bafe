"""The running services as seen from outside: users who talk to the gateway as any client does."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx

from lingxi_chassis.ids import new_id
from lingxi_simulator.server import Running

PASSWORD = "correct horse"
MODEL = "simulated"


class User:
    """Somebody with an account, talking to the gateway as any client does."""

    def __init__(self, http: httpx.AsyncClient, user_id: UUID, access: str) -> None:
        self.http = http
        self.user_id = user_id
        self.headers = {"authorization": f"Bearer {access}"}

    async def request(
        self, method: str, path: str, status: int = 200, **options: Any
    ) -> httpx.Response:
        """One request that is answered with `status`."""
        headers = self.headers | options.pop("headers", {})
        answer = await self.http.request(method, path, headers=headers, **options)
        assert answer.status_code == status, answer.text
        return answer

    async def get(self, path: str, status: int = 200, **query: Any) -> Any:
        """The JSON of a GET."""
        return (await self.request("GET", path, status, params=query or None)).json()

    async def send(self, method: str, path: str, body: Any = None, status: int = 200) -> Any:
        """The JSON of another method; None for an answer without a body."""
        answer = await self.request(method, path, status, json=body)
        return answer.json() if answer.content else None

    async def say(
        self, message: str, status: int = 200, key: str | bytes | None = None, **more: Any
    ) -> Any:
        """The JSON of a chat request."""
        headers = {} if key is None else {"idempotency-key": key}
        body = {"message": message} | more
        return (await self.request("POST", "/api/chat/", status, json=body, headers=headers)).json()


@dataclass(frozen=True)
class Lingxi:
    """Three running services and their model, seen from outside."""

    http: httpx.AsyncClient
    simulator: Running
    stop_chat: Callable[[], Awaitable[None]]

    async def user(self) -> User:
        """A new account, logged in."""
        name = f"user-{new_id()}"
        credentials = {"username": name, "password": PASSWORD}
        registered = await self.http.post("/api/auth/register/", json=credentials)
        assert registered.status_code == 201, registered.text
        login = await self.http.post("/api/auth/login/", json=credentials)
        return User(self.http, UUID(registered.json()["id"]), login.json()["access"])
