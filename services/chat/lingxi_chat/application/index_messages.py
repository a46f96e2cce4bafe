"""Index a session's messages, so that they can be recalled.

Guard: the session's progress moves by compare-and-set, in order of seq. So a repeat does nothing,
and events that come in any order, or are missed, leave the same rows.
"""

from collections.abc import Sequence
from uuid import UUID

from lingxi_chassis.postgres import Pool
from lingxi_chat.domain.terms import fingerprint, terms_of
from lingxi_chat.projections.recall import BATCH_MESSAGES, Unindexed, next_unindexed, put_terms

ALL = 2**31 - 1
"""A seq that no message has."""


async def index_messages(
    pool: Pool, session_id: UUID, to_seq: int = ALL, *, batches_max: int | None = None
) -> None:
    """Index what is not yet, up to a seq, batch by batch. Raises Unavailable."""
    batches = 0
    while batches != batches_max:
        batch = await next_unindexed(pool, session_id, to_seq)
        if batch is None:
            return
        moved = await put_terms(pool, batch, _terms(batch))
        if moved and len(batch.texts) < BATCH_MESSAGES:
            return
        batches += 1


def _terms(batch: Unindexed) -> dict[int, Sequence[int]]:
    return {
        seq: [fingerprint(batch.agent_id, term) for term in terms_of(text)]
        for seq, text in batch.texts.items()
    }
