"""Recall by meaning: give each message its vector, and find what is alike.

Guard: as of `index_messages`. A provider that is away delays a session's vectors and loses none;
meanwhile its messages are found by their terms.
"""

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

import structlog

from lingxi_chassis.clock import monotonic
from lingxi_chassis.model.embeddings import TEXTS_MAX, Vector
from lingxi_chassis.model.errors import ContextTooLong, ModelFailure, ModelRefused
from lingxi_chassis.postgres import Pool
from lingxi_chat.application.index_messages import ALL
from lingxi_chat.domain.recalling import Found
from lingxi_chat.domain.terms import terms_of
from lingxi_chat.projections.recall import Unindexed, next_unindexed
from lingxi_chat.projections.recall_search import Search
from lingxi_chat.projections.recall_vectors import embedded, put_vectors, search_vectors
from lingxi_contracts.errors import Unavailable

EMBEDDED_CHARS_MAX = 4_000
"""Of one text: within what embedding models read, in Chinese too."""
PAUSE_SECONDS = 30.0
"""After a failure no turn waits for the provider for so long."""

PROBE = "hello"
"""A text that every embedding model takes."""

_OF_THE_TEXT = (ContextTooLong, ModelRefused)

log = structlog.get_logger(__name__)


class Embeddings(Protocol):
    """An embedding model, as chat needs it."""

    @property
    def model(self) -> str:
        """Its name."""
        ...

    async def in_time(self, text: str) -> Vector | None:
        """A text's vector, while an answer waits for it. Raises ModelFailure."""
        ...

    async def of_all(self, texts: Sequence[str]) -> list[Vector | None]:
        """The vector of each text, when there is time. Raises ModelFailure."""
        ...


class MeantMessages:
    """The use cases, with the model that knows what texts mean."""

    def __init__(self, pool: Pool, embeddings: Embeddings) -> None:
        self.mark = embedded(embeddings.model)
        self._pool = pool
        self._embeddings = embeddings
        self._paused_until = 0.0

    async def index(self, session_id: UUID, to_seq: int = ALL) -> None:
        """Give all messages up to a seq their vectors. Raises Unavailable."""
        while batch := await next_unindexed(self._pool, session_id, to_seq, self.mark):
            vectors = await self._vectors(batch)
            await put_vectors(self._pool, batch, self._embeddings.model, vectors)

    async def _vectors(self, batch: Unindexed) -> dict[int, Vector]:
        texts = {
            seq: text[:EMBEDDED_CHARS_MAX] for seq, text in batch.texts.items() if terms_of(text)
        }
        vectors: list[Vector | None] = []
        for at in range(0, len(texts), TEXTS_MAX):
            vectors += await self._of_all(list(texts.values())[at : at + TEXTS_MAX])
        given = zip(texts, vectors, strict=True)
        return {seq: vector for seq, vector in given if vector is not None}

    async def _of_all(self, texts: Sequence[str]) -> list[Vector | None]:
        """A text that the model does not take goes without, and does not stand in others' way."""
        try:
            return await self._embeddings.of_all(texts)
        except _OF_THE_TEXT as failure:
            if texts == [PROBE]:
                raise Unavailable from failure  # it takes none at all
            if len(texts) == 1:
                await self._of_all([PROBE])
                log.warning("message_not_embedded", code=failure.code)
                return [None]
        except ModelFailure as failure:
            log.warning("messages_not_embedded_yet", code=failure.code)
            raise Unavailable from failure
        half = len(texts) // 2
        return [*await self._of_all(texts[:half]), *await self._of_all(texts[half:])]

    async def alike(self, search: Search, asked: str) -> Sequence[Found]:
        """What is alike to a text; nothing while the provider is away. Raises Unavailable."""
        if monotonic() < self._paused_until:
            return ()
        try:
            vector = await self._embeddings.in_time(asked[:EMBEDDED_CHARS_MAX])
        except ModelFailure as failure:
            log.warning("recalled_by_terms_alone", code=failure.code)
            self._paused_until = monotonic() + PAUSE_SECONDS
            return ()
        if vector is None:
            return ()
        return await search_vectors(self._pool, search, self._embeddings.model, vector)
