"""The client for embeddings: texts in, vectors out."""

from collections.abc import Sequence

from lingxi_chassis.model.ask_once import AskOnce
from lingxi_chassis.model.embeddings import (
    ANSWER_BYTES_MAX,
    Vector,
    embeddings_body,
    vectors_in,
)
from lingxi_chassis.model.messages import Priority
from lingxi_chassis.model.wire import EMBEDDINGS


class EmbeddingClient:
    """Asks one embedding `model` at one OpenAI-compatible URL."""

    def __init__(self, base_url: str, api_key: str, model: str, concurrency: int) -> None:
        self.model = model
        self._asked = AskOnce(base_url, api_key, model, EMBEDDINGS, concurrency)

    async def close(self) -> None:
        """Closes the connections; calls in flight fail."""
        await self._asked.close()

    async def embed(
        self, texts: Sequence[str], priority: Priority, deadline_seconds: float
    ) -> list[Vector | None]:
        """A vector of length one for each text, at most `TEXTS_MAX`; None: it has none.

        `deadline_seconds`: of all of it, waiting for a free slot too. Raises ModelFailure.
        """
        body = embeddings_body(texts, self.model)
        answer = await self._asked.ask(body, priority, deadline_seconds, ANSWER_BYTES_MAX)
        return vectors_in(answer, len(texts))
