"""A feed's client, as any client would write one: frames, cursors, and what a stream shows."""

import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.e2e.client import Json

FEED = "/api/events/"


@dataclass(frozen=True)
class Frame:
    """One frame; `id` is empty where it is not durable."""

    event: str
    data: Json
    id: str = ""


async def frames(lines: AsyncIterator[str]) -> AsyncGenerator[Frame]:
    """The frames of a stream of server-sent events; comments are passed over."""
    fields: dict[str, str] = {}
    async for line in lines:
        if line.startswith(":"):
            continue
        if line:
            name, _, value = line.partition(": ")
            fields[name] = value
        elif fields:
            yield Frame(fields["event"], json.loads(fields["data"]), fields.get("id", ""))
            fields = {}


@asynccontextmanager
async def feed(
    http: httpx.AsyncClient, cursor: str = "", headers: dict[str, str] | None = None, **query: Any
) -> AsyncGenerator[AsyncGenerator[Frame]]:
    """The frames of a feed while the context is open; `ready` is the first."""
    sent = {**(headers or {}), **({"Last-Event-ID": cursor} if cursor else {})}
    async with http.stream("GET", FEED, headers=sent, params=query) as answer:
        answer.raise_for_status()
        assert answer.headers["content-type"].startswith("text/event-stream")
        told = frames(answer.aiter_lines())
        try:
            yield told
        finally:
            await told.aclose()


@dataclass
class Shown:
    """What a client shows of replies that are under way: text by turn, attempt and bubble."""

    texts: dict[tuple[str, int], str] = field(default_factory=dict[tuple[str, int], str])
    attempts: dict[str, int] = field(default_factory=dict[str, int])

    def take(self, delta: Json) -> None:
        """Put a piece at its place; a new attempt replaces what an earlier one showed."""
        turn_id, attempt = delta["turn_id"], delta["attempt"]
        if attempt > self.attempts.setdefault(turn_id, attempt):
            self.attempts[turn_id] = attempt
            self.texts = {key: text for key, text in self.texts.items() if key[0] != turn_id}
        key, offset = (turn_id, delta["bubble"]), delta["offset_chars"]
        shown = self.texts.get(key, "")
        assert offset <= len(shown), "a piece is missing"
        self.texts[key] = shown[:offset] + delta["text"] + shown[offset + len(delta["text"]) :]
