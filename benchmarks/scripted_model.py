"""A model of the benchmark's own: it says one word after the other, at a pace, and notes when.

It runs in the load's own process, so that both read one clock.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from time import monotonic

import orjson

WORDS = 40
WORD_SECONDS = 0.03
BODY_BYTES_MAX = 4 * 1024 * 1024
CRLF = b"\r\n"


class Reply:
    """One reply: when it was asked for, and when each word left, by where it ends in the text."""

    def __init__(self) -> None:
        self.asked_at = monotonic()
        self.told_at: list[tuple[int, float]] = []

    def told_since(self, offset_chars: int, end_chars: int) -> list[float]:
        """When the words of this part of the text left."""
        return [at for end, at in self.told_at if offset_chars < end <= end_chars]


class ScriptedModel:
    """Replies by the user's newest message, which is to be another one each time."""

    def __init__(self) -> None:
        self.replies: dict[str, Reply] = {}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        try:
            while True:
                head = await reader.readuntil(CRLF * 2)
                body = await reader.readexactly(min(_length(head), BODY_BYTES_MAX))
                await self._answer(orjson.loads(body), writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _answer(self, asked: dict[str, object], writer: asyncio.StreamWriter) -> None:
        reply = Reply()
        messages = asked["messages"]
        assert isinstance(messages, list)
        self.replies[messages[-1]["content"]] = reply
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n")
        writer.write(b"Transfer-Encoding: chunked\r\n\r\n")
        end_chars = 0
        for number in range(WORDS):
            word = f" w{number}" if number else "w0"
            end_chars += len(word)
            reply.told_at.append((end_chars, monotonic()))
            await _send(writer, {"delta": {"content": word}, "index": 0})
            await asyncio.sleep(WORD_SECONDS)
        await _send(writer, {"delta": {}, "index": 0, "finish_reason": "stop"})
        writer.write(b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n")
        await writer.drain()


def _length(head: bytes) -> int:
    fields = dict(line.lower().split(b": ", 1) for line in head.split(CRLF)[1:] if line)
    return int(fields.get(b"content-length", b"0"))


async def _send(writer: asyncio.StreamWriter, choice: dict[str, object]) -> None:
    chunk = {"id": "1", "object": "chat.completion.chunk", "created": 0, "model": "scripted"}
    event = b"data: %s\n\n" % orjson.dumps({**chunk, "choices": [choice]})
    writer.write(b"%x\r\n%s\r\n" % (len(event), event))
    await writer.drain()


@asynccontextmanager
async def scripted_model() -> AsyncGenerator[tuple[ScriptedModel, str]]:
    """The model, and the URL that services speak to, while the context is open."""
    model = ScriptedModel()
    server = await asyncio.start_server(model.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield model, f"http://127.0.0.1:{port}/v1"
    finally:
        server.close()
