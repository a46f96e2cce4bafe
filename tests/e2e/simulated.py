"""The simulated model from outside: faults to inject, prompts that it was asked."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import httpx

from tests.e2e.client import Json, connection
from tests.fixtures.waiting import eventually

NUMBER_MAX = 10**9
"""No request has a higher number."""


@dataclass(frozen=True)
class Model:
    """The simulator of a system (`lingxi_simulator.faults` says what faults there are)."""

    http: httpx.AsyncClient
    since: int
    """Requests up to this number are older than the test."""

    async def fails(self, **rule: Any) -> int:
        """Put a fault in force; its id."""
        answer = await self.http.post("/faults", json=[rule])
        assert answer.status_code == HTTPStatus.CREATED, answer.text
        return answer.json()["ids"][0]

    async def recovers(self, rule_id: int) -> None:
        """Switch a fault off."""
        (await self.http.delete("/faults", params={"id": rule_id})).raise_for_status()

    async def prompts(self, marker: str) -> list[list[Json]]:
        """The `messages` of each request whose messages contain `marker`, oldest first."""
        return [body["messages"] for body in await self.requests(marker)]

    async def asked(self, marker: str) -> None:
        """Wait until the model was asked about `marker`."""

        async def was_asked() -> bool:
            return bool(await self.prompts(marker))

        await eventually(was_asked)

    async def requests(self, marker: str) -> list[Json]:
        """The bodies of the requests whose messages contain `marker`, oldest first."""
        asked = await self.http.get("/requests", params={"since": self.since})
        told: Json = asked.json()
        bodies = [request["body"] for request in told["requests"]]
        return [body for body in bodies if marker in str(body["messages"])]


@asynccontextmanager
async def model_of(simulator_url: str) -> AsyncGenerator[Model]:
    """The simulator, without faults from now on and afterwards."""
    async with connection(simulator_url) as http:
        (await http.delete("/faults")).raise_for_status()
        newest: Json = (await http.get("/requests", params={"since": NUMBER_MAX})).json()
        yield Model(http, newest["last"])
        (await http.delete("/faults")).raise_for_status()
