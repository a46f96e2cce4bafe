"""What a user has made: one thing of each kind that has an id. And what goes wrong in a matrix."""

import json
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.e2e.client import Json, User, problem
from tests.e2e.routes import Route, routes_of

JSON_TYPE = "application/json"


@dataclass(frozen=True)
class World:
    """A user, and an agent, a session and a message of theirs."""

    user: User
    agent_id: str
    session_id: str
    message_id: str

    @property
    def ids(self) -> Mapping[str, str]:
        """By the names that ids have in paths, queries and bodies."""
        return {
            "agent_id": self.agent_id,
            "agent_configuration": self.agent_id,
            "session_id": self.session_id,
            "message_id": self.message_id,
            "up_to": self.message_id,
            # Nothing is known of them yet: this is an unknown one.
            "memory_id": self.agent_id,
        }

    @property
    def known(self) -> Mapping[str, str]:
        """Ids, and the refresh token, for bodies that are to be right."""
        return {**self.ids, "refresh": self.user.refresh}

    def send(self, route: Route, body: Any, **more: Any) -> Awaitable[httpx.Response]:
        """A request to a route, in the user's name; what isn't bytes goes as JSON, with escapes."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"Content-Type": more.pop("content_type", JSON_TYPE), **more.pop("headers", {})}
        url = route.url(more.pop("ids", self.ids))
        return self.user.http.request(route.method, url, content=raw, headers=headers, **more)

    async def shown(self) -> Json:
        """All that the user can see."""
        get = self.user.get
        return {
            "me": await get("/api/me/"),
            "agents": await get("/api/agents/"),
            "ledger": await get(f"/api/agents/{self.agent_id}/personality/history/"),
            "sessions": await get("/api/sessions/"),
            "messages": await self.user.messages(self.session_id),
        }


async def populated(user: User) -> World:
    """The user's first agent, session and messages; the agent's are not read yet."""
    agent = await user.create_agent("You are calm.")
    said = await user.say("hello", agent_id=agent["id"], mark_read=False)
    return World(user, agent["id"], said["session_id"], said["ai_message_id"])


async def document(http: httpx.AsyncClient) -> Json:
    """The OpenAPI document of a gateway."""
    answer = await http.get("/openapi.json")
    answer.raise_for_status()
    return answer.json()


async def all_routes(http: httpx.AsyncClient) -> list[Route]:
    """Every route of a gateway."""
    return routes_of(await document(http))


@dataclass
class Faults:
    """Collects what went wrong, so that one run of a matrix shows all of it."""

    found: list[str] = field(default_factory=list[str])
    tried: int = 0

    async def expect(
        self, where: str, sending: Awaitable[httpx.Response], status: int, code: str | None
    ) -> Json:
        """Send, and note unless the answer is this problem, which is returned."""
        self.tried += 1
        answer = await sending
        try:
            return problem(answer, status, code)
        except (AssertionError, KeyError, ValueError):
            self.found.append(f"{where}: {answer.status_code} {answer.text[:200]}")
            return {}

    def none(self, tried_min: int) -> None:
        """Nothing went wrong, in as many tries as there must be."""
        assert not self.found, "\n".join(self.found)
        assert self.tried >= tried_min
