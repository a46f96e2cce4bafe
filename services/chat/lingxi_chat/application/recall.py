"""Recall: what was once said between the user and the agent that fits the newest message.

It never keeps an answer waiting for long, and what it can't find in time is left out.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import structlog

from lingxi_chassis.clock import monotonic
from lingxi_chassis.postgres import Pool
from lingxi_chat.application.common_terms import CommonTerms
from lingxi_chat.application.index_messages import index_messages
from lingxi_chat.domain.prompt import Said
from lingxi_chat.domain.recalling import Found, choose
from lingxi_chat.domain.terms import fingerprint, terms_of
from lingxi_chat.projections.recall_search import Answer, Search, search_terms

RECALL_SECONDS_MAX = 2.0
NOTHING = Answer((), (), ())

log = structlog.get_logger(__name__)


type Alike = Callable[[Search, str], Awaitable[Sequence[Found]]]
"""A search by meaning. Raises Unavailable."""


class Recall:
    """The use case. `alike`: also by meaning, where there is an embedding model."""

    def __init__(self, pool: Pool, alike: Alike | None = None) -> None:
        self._pool = pool
        self._alike = alike
        self._common = CommonTerms()

    async def __call__(self, search: Search, asked: str) -> Sequence[Said]:
        """What fits a text, in order of time. Raises Unavailable."""
        terms = terms_of(asked)
        if not terms:
            return ()  # small talk
        try:
            async with asyncio.timeout(RECALL_SECONDS_MAX):
                by_terms, alike = await asyncio.gather(
                    self._search(search, terms), self._search_alike(search, asked)
                )
        except TimeoutError:
            log.warning("not_recalled_in_time", session_id=str(search.session_id))
            return ()
        return choose((*by_terms, *alike), asked)

    async def _search(self, search: Search, terms: Sequence[str]) -> Sequence[Found]:
        """By terms. What was said lately in another session may not be in the index yet."""
        # Of many terms the long ones, which are rarer.
        longest = sorted(terms, key=len, reverse=True)
        fingerprints = [fingerprint(search.agent_id, term) for term in longest]
        answer = await self._searched(search, fingerprints)
        if not answer.behind:
            return answer.found
        for session_id in answer.behind:
            await index_messages(self._pool, session_id, batches_max=1)
        return (await self._searched(search, fingerprints)).found

    async def _searched(self, search: Search, fingerprints: Sequence[int]) -> Answer:
        now = monotonic()
        asked = self._common.without(fingerprints, now)
        if not asked:
            return NOTHING
        answer = await search_terms(self._pool, search, asked)
        self._common.found(answer.common, now)
        return answer

    async def _search_alike(self, search: Search, asked: str) -> Sequence[Found]:
        return () if self._alike is None else await self._alike(search, asked)
