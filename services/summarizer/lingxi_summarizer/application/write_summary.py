"""Write the summary of what a session has had since its last one, and the facts in it.

Guards: chat records a summary only if it begins where the last one ended and nothing it rests on
was superseded; agent records the facts of a range once. Whatever is repeated changes nothing.
"""

from contextlib import suppress
from functools import partial
from uuid import UUID

import structlog

from lingxi_chassis.model.errors import ContextTooLong, ModelRefused
from lingxi_chassis.rpc import RpcClient
from lingxi_contracts.agent import ListMemories, MemoryView, RecordMemories
from lingxi_contracts.chat import GetSummaryWork, RecordSummary, SummaryWork
from lingxi_contracts.errors import SummaryOutdated, Unavailable
from lingxi_summarizer.application.parts import Due, Model, OneAtATime, answered
from lingxi_summarizer.domain.asking import LEFT_OUT, prompt_tokens_max
from lingxi_summarizer.domain.summary import (
    Summary,
    SummaryPrompt,
    build_summary_prompt,
    read_summary,
)

ROUNDS_MAX = 100
"""Questions for one event; what is left then waits for its next delivery."""
MEMORY_PAGES_MAX = 8

log = structlog.get_logger(__name__)


class WriteSummaries:
    """Asks chat what is to be done, the model for the words, and tells the owners."""

    def __init__(self, rpc: RpcClient, model: Model, settle_seconds: float) -> None:
        self._rpc = rpc
        self._model = model
        self._one_at_a_time = OneAtATime(settle_seconds)

    async def write_summary(self, due: Due) -> None:
        """Returns once everything that is due is covered.

        Raises:
            SessionNotFound, AgentNotFound: it is gone.
            Unavailable: an owner or the model is away.
            ModelFailure: the model has no answer to this.
        """
        async with self._one_at_a_time(due) as turn:
            for _ in range(ROUNDS_MAX):
                if turn is None or turn.is_done(due):
                    return
                work = await self._rpc.call(
                    GetSummaryWork(user_id=due.user_id, session_id=due.session_id)
                )
                if not work.messages or work.covers_from > due.to_seq:
                    return
                with suppress(SummaryOutdated):  # somebody else's stands: ask anew
                    covered_up_to = await self._cover(due.user_id, due.session_id, work)
                    turn.did(work.version, covered_up_to)
        raise Unavailable

    async def _cover(self, user_id: UUID, session_id: UUID, work: SummaryWork) -> int:
        """Write the next summary; up to where it reaches."""
        memories = await self._memories(user_id, work.agent_id)
        prompt, summary = await self._told(work, memories)
        if summary.facts:
            await self._rpc.call(
                RecordMemories(
                    user_id=user_id,
                    agent_id=work.agent_id,
                    session_id=session_id,
                    covers_from=work.covers_from,
                    covers_up_to=prompt.covers_up_to,
                    facts=summary.facts,
                )
            )
        await self._rpc.call(
            RecordSummary(
                user_id=user_id,
                session_id=session_id,
                covers_from=work.covers_from,
                covers_up_to=prompt.covers_up_to,
                superseded_count=work.superseded_count,
                title=summary.title,
                summary=summary.summary,
            )
        )
        log.info(
            "summary_written",
            session_id=str(session_id),
            covers_from=work.covers_from,
            covers_up_to=prompt.covers_up_to,
            facts=len(summary.facts),
        )
        return prompt.covers_up_to

    async def _memories(self, user_id: UUID, agent_id: UUID) -> list[MemoryView]:
        found: list[MemoryView] = []
        after: UUID | None = None
        for _ in range(MEMORY_PAGES_MAX):
            page = await self._rpc.call(
                ListMemories(user_id=user_id, agent_id=agent_id, after=after)
            )
            found += page.results
            after = page.next_after
            if after is None:
                break
        return found

    async def _told(
        self, work: SummaryWork, memories: list[MemoryView]
    ) -> tuple[SummaryPrompt, Summary]:
        """The summary of as many messages as the model takes.

        A refusal may be one message's fault: half as many are tried, down to one, which is then
        left out. So a single message that a provider's filter stops does not stop the summary.
        """
        budget_tokens = prompt_tokens_max(self._model.context_tokens)
        messages_max = len(work.messages)
        while True:
            prompt = build_summary_prompt(
                work, memories, budget_tokens, self._model.tokens, messages_max
            )
            try:
                read = partial(read_summary, prompt=prompt)
                return prompt, await answered(self._model, prompt.question, read)
            except (ContextTooLong, ModelRefused):
                if len(prompt.lines) > 1:
                    messages_max = len(prompt.lines) // 2
                elif work.messages[0].text != LEFT_OUT:
                    work = _first_left_out(work)
                else:
                    raise


def _first_left_out(work: SummaryWork) -> SummaryWork:
    first, *others = work.messages
    hidden = first.model_copy(update={"text": LEFT_OUT})
    return work.model_copy(update={"messages": (hidden, *others)})
