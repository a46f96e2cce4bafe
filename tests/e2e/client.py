"""A user of the public API, as any client would write one, and what failures look like."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import httpx

from lingxi_chassis.ids import new_id
from tests.fixtures.waiting import eventually

ANSWER_SECONDS_MAX = 90.0
"""Longer than the gateway waits for a reply (REPLY_WAIT_SECONDS, 60 by default)."""
RECOVERED_SECONDS_MAX = 180.0
"""A crash of chat is noticed when the lease ends (15 s) and the sweep comes round (5 s)."""
PROBLEM_MEDIA_TYPE = "application/problem+json"
PASSWORD = "correct horse battery"

type Json = dict[str, Any]
type NewUser = Callable[[], Awaitable["User"]]
"""Makes somebody new."""


def connection(base_url: str, access: str | None = None) -> httpx.AsyncClient:
    """An HTTP client of one system; with an access token, of one user."""
    headers = {} if access is None else {"Authorization": f"Bearer {access}"}
    limits = httpx.Limits(max_connections=None)
    return httpx.AsyncClient(
        base_url=base_url,
        headers=headers,
        timeout=ANSWER_SECONDS_MAX,
        limits=limits,
        verify=False,  # noqa: S501 -- plain HTTP; without it httpx reads all certificates
        trust_env=False,
    )


def problem(response: httpx.Response, status: int, code: str | None = None) -> Json:
    """The problem an answer tells; fails unless it is one, well formed, of this status and code."""
    assert response.status_code == status, (response.request.url, response.text)
    assert response.headers["content-type"] == PROBLEM_MEDIA_TYPE
    told: Json = response.json()
    assert told["status"] == status
    assert isinstance(told["title"], str)
    assert isinstance(told["type"], str)
    assert told["detail"]
    assert isinstance(told["detail"], str)
    assert isinstance(told["code"], str)
    assert told["code"] == (code or told["code"])
    if status == HTTPStatus.UNPROCESSABLE_ENTITY:
        for one in told["errors"]:
            assert one.keys() == {"loc", "msg", "type"}
            assert "Value error" not in one["msg"]  # pydantic's words, not ours
    if status == HTTPStatus.UNAUTHORIZED:
        assert response.headers["www-authenticate"].startswith("Bearer")
    if status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE):
        assert int(response.headers["retry-after"]) > 0
    return told


@dataclass(frozen=True)
class User:
    """Somebody with an account, logged in."""

    http: httpx.AsyncClient
    username: str
    access: str
    refresh: str

    async def get(self, path: str, **params: str | int) -> Json:
        """What a GET answers; it must succeed. `path` may be a URL that an answer gave."""
        response = await self.http.get(path, params=params or None)
        assert response.status_code == HTTPStatus.OK, response.text
        return response.json()

    async def send(self, method: str, path: str, body: Json, status: int = 200) -> Json:
        """What another method answers, with this status."""
        response = await self.http.request(method, path, json=body)
        assert response.status_code == status, response.text
        assert bool(response.content) == ("content-type" in response.headers)
        return response.json() if response.content else {}

    async def post_chat(self, text: str, key: str | None = None, **more: Any) -> httpx.Response:
        """`POST /api/chat/`, whatever it answers."""
        headers = {} if key is None else {"Idempotency-Key": key}
        return await self.http.post("/api/chat/", json={"message": text, **more}, headers=headers)

    async def say(self, text: str, key: str | None = None, **more: Any) -> Json:
        """The agent's answer; there must be one."""
        response = await self.post_chat(text, key, **more)
        assert response.status_code == HTTPStatus.OK, response.text
        return response.json()

    async def create_agent(self, personality: str = "", **parameters: Any) -> Json:
        """A new agent under a name of its own."""
        body = {
            "name": f"agent {new_id()}",
            "parameters": {"personality_prompt": personality, **parameters},
        }
        return await self.send("POST", "/api/agents/", body, HTTPStatus.CREATED)

    async def session(self, session_id: str) -> Json:
        """A session with its newest messages; marks nothing as read."""
        return await self.get(f"/api/sessions/{session_id}/", mark_read="false")

    async def messages(self, session_id: str) -> list[Json]:
        """All messages of a session, in order."""
        page = await self.get(f"/api/sessions/{session_id}/messages/", after=0)
        results: list[Json] = page["results"]
        while page["next"] is not None:
            page = await self.get(page["next"])
            results += page["results"]
        return results

    async def turn_ends(self, session_id: str, seconds_max: float = 60.0) -> Json | None:
        """The session's `turn` once none is open: None, or the one that failed."""

        async def ended() -> bool:
            turn = (await self.session(session_id))["turn"]
            return turn is None or turn["status"] != "open"

        await eventually(ended, seconds_max)
        return (await self.session(session_id))["turn"]

    async def gone(self, session_id: str, seconds_max: float = 60.0) -> None:
        """Wait until there is no such session."""

        async def is_gone() -> bool:
            answer = await self.http.get(f"/api/sessions/{session_id}/")
            return answer.status_code == HTTPStatus.NOT_FOUND

        await eventually(is_gone, seconds_max)

    async def is_open(self, session_id: str) -> bool:
        """Whether the agent is answering."""
        turn: Json | None = (await self.session(session_id))["turn"]
        return turn is not None and turn["status"] == "open"


async def register(http: httpx.AsyncClient, username: str | None = None) -> str:
    """A new account; its user name."""
    name = username or f"user {new_id()}"
    registered = await http.post(
        "/api/auth/register/", json={"username": name, "password": PASSWORD}
    )
    assert registered.status_code == HTTPStatus.CREATED, registered.text
    return name


async def log_in(http: httpx.AsyncClient, username: str) -> Mapping[str, str]:
    """Tokens: `access` and `refresh`."""
    answer = await http.post("/api/auth/login/", json={"username": username, "password": PASSWORD})
    assert answer.status_code == HTTPStatus.OK, answer.text
    return answer.json()


@asynccontextmanager
async def new_user(base_url: str, username: str | None = None) -> AsyncGenerator[User]:
    """Somebody new; with a name, somebody known. Connected while the context is open."""
    async with connection(base_url) as http:
        name = username or await register(http)
        tokens = await log_in(http, name)
    async with connection(base_url, tokens["access"]) as http:
        yield User(http, name, tokens["access"], tokens["refresh"])


async def say_until_answered(
    user: User, text: str, key: str, seconds_max: float = RECOVERED_SECONDS_MAX, **more: Any
) -> Json:
    """What a client does that means it: the same request with the same key until it is answered.

    Meanwhile the connection may break, a part may be away (503), the answer may take long (202).
    """
    answers: list[Json] = []

    async def answered() -> bool:
        try:
            response = await user.post_chat(text, key, **more)
        except httpx.TransportError:
            return False
        accepted = (HTTPStatus.OK, HTTPStatus.ACCEPTED, HTTPStatus.SERVICE_UNAVAILABLE)
        assert response.status_code in accepted, response.text
        if response.status_code == HTTPStatus.OK:
            answers.append(response.json())
        return bool(answers)

    await eventually(answered, seconds_max)
    return answers[0]


def texts(messages: list[Json]) -> list[str]:
    """What was said."""
    return [message["message"] for message in messages]
