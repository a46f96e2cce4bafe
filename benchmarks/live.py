"""What we add to a streamed reply: from the post to the model, and from a word to its frame.

Words are collected for `DELTA_MS_MAX`, or until there are `DELTA_TOKENS_MAX`, before they are told.
That is on purpose, so a frame's time counts from when it was due: each word here is one token.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import quantiles
from time import monotonic

import orjson

from benchmarks.client import Client
from benchmarks.scripted_model import WORD_SECONDS, WORDS, Reply, ScriptedModel
from benchmarks.turns import users
from lingxi_contracts.live import DELTA_MS_MAX, DELTA_TOKENS_MAX
from lingxi_local.system import LocalSystem

STREAMS = (1, 32)
REPLIES = 64
"""Of all streams together, after the first of each."""
REPLY_SECONDS_MAX = 60.0


@dataclass(frozen=True, slots=True)
class Live:
    """Milliseconds at so many streams at once."""

    streams: int
    replies: int
    to_model_p50_ms: float
    to_model_p99_ms: float
    to_client_p50_ms: float
    to_client_p99_ms: float


@dataclass(slots=True)
class _Taken:
    """Seconds, one a reply and one a frame."""

    to_model: list[float]
    to_client: list[float]


async def measure_live(
    system: LocalSystem, model: ScriptedModel, streams: Sequence[int] = STREAMS
) -> list[Live]:
    """All talk at the same time, each over connections of their own, and evenly out of step."""
    async with users(system, max(streams), "live") as clients:
        return [await _measure(system, model, clients[:number]) for number in streams]


async def _measure(system: LocalSystem, model: ScriptedModel, clients: Sequence[Client]) -> Live:
    taken = _Taken([], [])
    rounds = 1 + max(1, REPLIES // len(clients))
    step_seconds = WORDS * WORD_SECONDS / len(clients)

    async def talk(number: int, client: Client) -> None:
        await asyncio.sleep(number * step_seconds)
        await _talk(system, model, client, rounds, taken)

    await asyncio.gather(*(talk(number, client) for number, client in enumerate(clients)))
    to_model, to_client = (quantiles(one, n=100) for one in (taken.to_model, taken.to_client))
    return Live(
        streams=len(clients),
        replies=len(taken.to_model),
        to_model_p50_ms=to_model[49] * 1000,
        to_model_p99_ms=to_model[98] * 1000,
        to_client_p50_ms=to_client[49] * 1000,
        to_client_p99_ms=to_client[98] * 1000,
    )


async def _talk(
    system: LocalSystem, model: ScriptedModel, client: Client, rounds: int, taken: _Taken
) -> None:
    session_id: str | None = None
    for number in range(rounds):
        said = f"{id(client)} {len(model.replies)} {number}"
        async with asyncio.timeout(REPLY_SECONDS_MAX):
            posted_at, frames, session_id = await _stream(system, client, said, session_id)
        if number:  # the first one makes the session
            reply = model.replies[said]
            taken.to_model.append(reply.asked_at - posted_at)
            taken.to_client += late_seconds(reply, frames)


def late_seconds(reply: Reply, frames: Sequence[tuple[int, int, float]]) -> list[float]:
    """How much later than due each frame `(offset, end, came at)` came; not of the last one, which
    ends with the reply."""
    found: list[float] = []
    for offset_chars, end_chars, at in frames:
        told = reply.told_since(offset_chars, end_chars)
        if told and end_chars < reply.told_at[-1][0]:
            full = len(told) >= DELTA_TOKENS_MAX
            found.append(at - (told[-1] if full else told[0] + DELTA_MS_MAX / 1000))
    return found


async def _stream(
    system: LocalSystem, client: Client, said: str, session_id: str | None
) -> tuple[float, list[tuple[int, int, float]], str]:
    """When it was posted, the frames `(offset, end, came at)`, and the session."""
    reader, writer = await asyncio.open_connection("127.0.0.1", system.port)
    body = orjson.dumps({"message": said, "stream": True, "session_id": session_id})
    head = f"POST /api/chat/ HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {client.token}"
    head += f"\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    posted_at = monotonic()
    writer.write(head.encode() + body)
    frames: list[tuple[int, int, float]] = []
    try:
        while True:
            name = (await _line(reader, b"event: ")).decode()
            data = orjson.loads(await _line(reader, b"data: "))
            if name == "delta":
                end_chars = data["offset_chars"] + len(data["text"])
                frames.append((data["offset_chars"], end_chars, monotonic()))
            elif name == "error":
                raise RuntimeError(f"the stream failed: {data}")
            elif name == "done":
                assert len(data["response"].split()) == WORDS
                return posted_at, frames, data["session_id"]
    finally:
        writer.transport.abort()


async def _line(reader: asyncio.StreamReader, begin: bytes) -> bytes:
    """The rest of the next line that begins so."""
    while True:
        line = await reader.readline()
        if not line:
            raise ConnectionError("the stream ended early")
        if line.startswith(begin):
            return line[len(begin) :].strip()
