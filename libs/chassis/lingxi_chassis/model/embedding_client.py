"""The client for embeddings: texts in, vectors out. It shares the gate of the process's calls.

It asks once: who has time asks again later, who has not does without.
"""

import asyncio
from collections.abc import Sequence

from lingxi_chassis.model.embeddings import (
    ANSWER_BYTES_MAX,
    Vector,
    embeddings_body,
    vectors_in,
)
from lingxi_chassis.model.errors import BadAnswer, ModelTimeout
from lingxi_chassis.model.gate import Gate
from lingxi_chassis.model.messages import Priority
from lingxi_chassis.model.tries import RetryPolicy, Tries
from lingxi_chassis.model.wire import EMBEDDINGS, Wire

QUIET_SECONDS_MAX = 60.0


class EmbeddingClient:
    """Asks one embedding `model` at one OpenAI-compatible URL."""

    def __init__(self, base_url: str, api_key: str, model: str, gate: Gate) -> None:
        self.model = model
        self._gate = gate
        self._wire = Wire(base_url, api_key, QUIET_SECONDS_MAX)

    async def close(self) -> None:
        """Closes the connections; calls in flight fail."""
        await self._wire.close()

    async def embed(
        self, texts: Sequence[str], priority: Priority, deadline_seconds: float
    ) -> list[Vector | None]:
        """A vector of length one for each text, at most `TEXTS_MAX`; None: it has none.

        `deadline_seconds`: of all of it, waiting for a free slot too. Raises ModelFailure.
        """
        tries = Tries(RetryPolicy(attempts_max=1), self.model, self.model, deadline_seconds)
        try:
            async with asyncio.timeout(tries.seconds_left()):
                await self._gate.enter(priority)
        except TimeoutError:
            raise ModelTimeout("no free slot") from None
        try:
            return vectors_in(await self._answer(texts, tries), len(texts))
        finally:
            self._gate.leave(priority)

    async def _answer(self, texts: Sequence[str], tries: Tries) -> bytes:
        body = bytearray()
        asked = embeddings_body(texts, self.model)
        async with self._wire.opened(asked, tries, EMBEDDINGS) as response:
            parts = response.aiter_bytes()
            while data := await self._wire.next_bytes(parts, tries):
                body += data
                if len(body) > ANSWER_BYTES_MAX:
                    raise BadAnswer("too long")
        return bytes(body)
