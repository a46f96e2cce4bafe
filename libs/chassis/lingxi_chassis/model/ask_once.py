"""One JSON answer to one JSON question, asked once: for embeddings, moderation and the like.

Who has time asks again later, who has not does without. Each client has slots of its own: it holds
up no reply, and no reply holds it up.
"""

import asyncio

from lingxi_chassis.model.errors import BadAnswer, ModelTimeout
from lingxi_chassis.model.gate import Gate
from lingxi_chassis.model.measures import Kind, ModelCall
from lingxi_chassis.model.messages import Priority
from lingxi_chassis.model.tries import RetryPolicy, Tries
from lingxi_chassis.model.wire import EMBEDDINGS, Wire

QUIET_SECONDS_MAX = 60.0
SLOTS_MIN = 2
"""One is left for who can't wait, whatever background work takes."""


class AskOnce:
    """Asks one `model` at one OpenAI-compatible URL, at one path below it. `concurrency`: calls at
    once, but at least `SLOTS_MIN`."""

    def __init__(
        self, base_url: str, api_key: str, model: str, path: bytes, concurrency: int
    ) -> None:
        self.model = model
        self._path = path
        self._kind: Kind = "embedding" if path == EMBEDDINGS else "moderation"
        self._gate = Gate(max(SLOTS_MIN, concurrency))
        self._wire = Wire(base_url, api_key, QUIET_SECONDS_MAX)

    async def close(self) -> None:
        """Closes the connections; calls in flight fail."""
        await self._wire.close()

    async def ask(
        self, body: bytes, priority: Priority, deadline_seconds: float, answer_bytes_max: int
    ) -> bytes:
        """The body of the answer. `deadline_seconds`: of all of it, waiting for a free slot too.

        Raises ModelFailure.
        """
        tries = Tries(RetryPolicy(attempts_max=1), self.model, self.model, deadline_seconds)
        try:
            async with asyncio.timeout(tries.seconds_left()):
                await self._gate.enter(priority)
        except TimeoutError:
            raise ModelTimeout("no free slot") from None
        try:
            with ModelCall(self._kind) as call:
                call.of(self.model)
                return await self._answer(body, tries, answer_bytes_max)
        finally:
            self._gate.leave(priority)

    async def _answer(self, body: bytes, tries: Tries, bytes_max: int) -> bytes:
        answer = bytearray()
        async with self._wire.opened(body, tries, self._path) as response:
            parts = response.aiter_bytes()
            while data := await self._wire.next_bytes(parts, tries):
                answer += data
                if len(answer) > bytes_max:
                    raise BadAnswer("too long")
        return bytes(answer)
