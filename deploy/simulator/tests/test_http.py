"""HTTP by hand: pipelined, piecemeal, garbled and oversized requests; the process itself."""

import asyncio
import signal
import sys

from deploy.simulator.tests.harness import Asker
from lingxi_simulator.http import BODY_BYTES_MAX, Request
from lingxi_simulator.journal import ENTRIES_MAX, Journal

ANSWER_SECONDS_MAX = 60
HEALTH = b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n"


async def _exchange(simulator: Asker, parts: list[bytes]) -> bytes:
    """What comes back until the server closes, or answers the last, closing request."""
    reader, writer = await asyncio.open_connection(simulator.running.host, simulator.running.port)
    for part in parts:
        writer.write(part)
        await writer.drain()
    answer = await asyncio.wait_for(reader.read(), ANSWER_SECONDS_MAX)
    writer.close()
    await writer.wait_closed()
    return answer


async def test_pipelined_requests_are_answered_in_order(simulator: Asker) -> None:
    await simulator.faults({"do": "hang", "seconds": 0.05})
    body = b'{"messages":[{"role":"user","content":"hi"}]}'
    chat = b"POST /v1/chat/completions HTTP/1.1\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)
    last = HEALTH.replace(b"host: x", b"connection: close")
    wire = HEALTH + chat + last
    answer = await _exchange(simulator, [wire[at : at + 7] for at in range(0, len(wire), 7)])
    kinds = [b"chat.completion" in one for one in answer.split(b"HTTP/1.1 200 OK")[1:]]
    assert kinds == [False, True, False]


async def test_garbage_and_floods_are_refused(simulator: Asker) -> None:
    assert (await _exchange(simulator, [b"nonsense\r\n\r\n"])).startswith(b"HTTP/1.1 400")
    head = b"POST /v1/embeddings HTTP/1.1\r\ncontent-length: %d\r\n\r\n" % (BODY_BYTES_MAX + 1)
    flood = await _exchange(simulator, [head, b"x" * (BODY_BYTES_MAX + 1)])
    assert flood.startswith(b"HTTP/1.1 413")


def test_the_journal_is_bounded() -> None:
    journal = Journal()
    for _ in range(ENTRIES_MAX + 5):
        journal.note(Request("GET", "/v1/models", {}, {}, b""))
    seen = journal.since(0)
    assert isinstance(seen["requests"], list)
    assert len(seen["requests"]) == ENTRIES_MAX  # pyright: ignore[reportUnknownArgumentType]
    assert seen["last"] == ENTRIES_MAX + 5


async def test_the_process_starts_answers_and_stops() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "lingxi_simulator", "--port", "0", stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    line = await asyncio.wait_for(process.stdout.readline(), ANSWER_SECONDS_MAX)
    port = int(line.decode().rstrip().removesuffix("/v1").rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(HEALTH)
    assert b"200 OK" in await asyncio.wait_for(reader.readline(), ANSWER_SECONDS_MAX)
    process.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(process.wait(), ANSWER_SECONDS_MAX) == 0
    writer.close()
