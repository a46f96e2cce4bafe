"""A simulator on a free loopback port, and a plain HTTP client that asks it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import httpx
import orjson

from lingxi_simulator.server import Running

PIRATE = "You are a cheerful pirate."
SPLIT = "Separate messages with a line holding only <next>."


@dataclass(frozen=True)
class Asker:
    """Talks to a simulator as any test process would."""

    running: Running
    http: httpx.AsyncClient

    async def chat(self, *said: str, system: str = PIRATE, **more: Any) -> httpx.Response:
        """Posts a chat: `said` alternates between user and assistant and ends with the user."""
        first = (len(said) + 1) % 2
        messages = [{"role": "system", "content": system}] if system else []
        messages += [
            {"role": ("user", "assistant")[(at + first) % 2], "content": text}
            for at, text in enumerate(said)
        ]
        body = {"model": "any", "messages": messages} | more
        return await self.http.post("/v1/chat/completions", json=body)

    async def say(self, *said: str, system: str = PIRATE, **more: Any) -> str:
        """The answer's text."""
        response = await self.chat(*said, system=system, **more)
        assert response.status_code == 200, response.text
        return response.json()["choices"][0]["message"]["content"]

    async def fill(self, schema: dict[str, Any], *said: str, system: str = PIRATE) -> Any:
        """The answer to a structured request."""
        form = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
        return orjson.loads(await self.say(*said, system=system, response_format=form))

    async def faults(self, *rules: dict[str, Any]) -> Sequence[int]:
        response = await self.http.post("/faults", json=rules)
        assert response.status_code == 201, response.text
        return response.json()["ids"]


def events(response: httpx.Response) -> list[dict[str, Any]]:
    """The chunks of a stream; it must end with [DONE]."""
    *chunks, done = [line for line in response.text.split("\n\n") if line]
    assert done == "data: [DONE]"
    return [orjson.loads(chunk.removeprefix("data: ")) for chunk in chunks]


def streamed_text(response: httpx.Response) -> str:
    chosen = [chunk["choices"][0]["delta"] for chunk in events(response) if chunk["choices"]]
    return "".join(delta.get("content", "") for delta in chosen)
