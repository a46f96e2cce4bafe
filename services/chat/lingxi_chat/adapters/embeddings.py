"""The embedding model, as chat speaks to it: at once for a turn, at leisure for the index."""

from collections.abc import Sequence

from lingxi_chassis.model.embedding_client import EmbeddingClient
from lingxi_chassis.model.embeddings import Vector
from lingxi_chassis.model.messages import Priority

IN_TIME_SECONDS_MAX = 1.0
AT_LEISURE_SECONDS_MAX = 45.0
"""Less than an event's handler may take."""


class EmbeddingModel:
    """Shared by all turns of the process."""

    def __init__(self, client: EmbeddingClient) -> None:
        self._client = client

    @property
    def model(self) -> str:
        """Its name."""
        return self._client.model

    async def in_time(self, text: str) -> Vector | None:
        """A text's vector, while an answer waits for it. Raises ModelFailure."""
        [vector] = await self._client.embed([text], Priority.REPLY, IN_TIME_SECONDS_MAX)
        return vector

    async def of_all(self, texts: Sequence[str]) -> list[Vector | None]:
        """The vector of each text. Raises ModelFailure."""
        return await self._client.embed(texts, Priority.BACKGROUND, AT_LEISURE_SECONDS_MAX)
