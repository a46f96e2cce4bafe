"""Export: everything that is a user's, asked of its owners piece by piece.

Pages go by keyset, so that none is missed or told twice while the user goes on. Each page is of its
own moment; what is deleted meanwhile is left out where it has not begun. A question is harmless to
repeat, so an owner that is being restarted is waited for.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import contextmanager
from uuid import UUID

from lingxi_chassis.rpc import RpcClient
from lingxi_contracts.agent import (
    AgentView,
    GetPersonalityHistory,
    GetSuggestion,
    ListMemories,
    MemoryView,
    PersonalitySuggestion,
    PersonalityVersion,
    WalkAgents,
)
from lingxi_contracts.base import Answer, Request
from lingxi_contracts.chat import ListMessages, MessageView, SessionView, WalkSessions
from lingxi_contracts.errors import AgentNotFound, Unavailable
from lingxi_contracts.scheduler import DecisionView, ListDecisions
from lingxi_gateway.domain.refusals import TooManyRequests

PAUSES_SECONDS = (0.5, 1.0)
"""Before the second and the third try; there is no fourth."""
SESSIONS_PAGE = 20

type Pages[T] = AsyncGenerator[tuple[T, ...]]


class Exports:
    """Which users export at the moment: a user one at a time, so that nobody fills this replica."""

    def __init__(self) -> None:
        self._users: set[UUID] = set()

    @contextmanager
    def one_of(self, user_id: UUID) -> Generator[None]:
        """While it lasts. Raises TooManyRequests: there is one."""
        if user_id in self._users:
            raise TooManyRequests
        self._users.add(user_id)
        try:
            yield
        finally:
            self._users.discard(user_id)


def agents_of(rpc: RpcClient, user_id: UUID) -> Pages[AgentView]:
    """The user's agents, oldest first. Raises Unavailable."""
    question = WalkAgents(user_id=user_id)
    return _walked(rpc, question, lambda page: (page.results, "after", page.next_after))


def history_of(rpc: RpcClient, user_id: UUID, agent_id: UUID) -> Pages[PersonalityVersion]:
    """All versions of an agent's personality, newest first. Raises AgentNotFound, Unavailable."""
    question = GetPersonalityHistory(user_id=user_id, agent_id=agent_id)
    return _walked(rpc, question, lambda page: (page.results, "before", page.next_before))


def memories_of(rpc: RpcClient, user_id: UUID, agent_id: UUID) -> Pages[MemoryView]:
    """All that an agent knows, oldest first. Raises AgentNotFound, Unavailable."""
    question = ListMemories(user_id=user_id, agent_id=agent_id)
    return _walked(rpc, question, lambda page: (page.results, "after", page.next_after))


async def suggestions_of(
    rpc: RpcClient, user_id: UUID, session: SessionView
) -> Pages[PersonalitySuggestion]:
    """The suggestion of a session that waits: one, or none. Raises Unavailable."""
    question = GetSuggestion(
        user_id=user_id, agent_id=session.agent_id, session_id=session.session_id
    )
    try:
        waiting = (await _ask(rpc, question)).suggestion
    except AgentNotFound:  # the session goes with its agent, a little later
        waiting = None
    yield (waiting,) if waiting else ()


def sessions_of(rpc: RpcClient, user_id: UUID) -> Pages[SessionView]:
    """The user's sessions, oldest first. Raises Unavailable."""
    question = WalkSessions(user_id=user_id, limit=SESSIONS_PAGE)
    return _walked(rpc, question, lambda page: (page.results, "after", page.next_after))


async def messages_of(rpc: RpcClient, user_id: UUID, session_id: UUID) -> Pages[MessageView]:
    """All messages of a session by seq, replaced ones too. Raises SessionNotFound, Unavailable."""
    question = ListMessages(user_id=user_id, session_id=session_id, after=0, superseded=True)
    while True:
        page = await _ask(rpc, question)
        yield page.results
        if not (page.newer and page.results):
            return
        question = question.model_copy(update={"after": page.results[-1].seq})


def decisions_of(rpc: RpcClient, user_id: UUID, session_id: UUID) -> Pages[DecisionView]:
    """Why the agent wrote first in a session, and why not, newest first. Raises Unavailable."""
    question = ListDecisions(user_id=user_id, session_id=session_id)
    return _walked(rpc, question, lambda page: (page.results, "before", page.next_before))


async def begun[T](items: AsyncGenerator[T]) -> AsyncGenerator[T]:
    """The same items, the first of which is there: what could be refused at all was not."""
    try:
        first = (await anext(items),)
    except StopAsyncIteration:
        first = ()

    async def again() -> AsyncGenerator[T]:
        for item in first:
            yield item
        async for item in items:
            yield item

    return again()


async def _walked[A: Answer, T](
    rpc: RpcClient, question: Request[A], read: Callable[[A], tuple[tuple[T, ...], str, object]]
) -> Pages[T]:
    """Page after page. `read`: what is on a page, and which field of the question asks on from
    which place; None: that was the last. Raises as the question is refused, and Unavailable."""
    while True:
        results, field, place = read(await _ask(rpc, question))
        yield results
        if place is None:
            return
        question = question.model_copy(update={field: place})


async def _ask[A: Answer](rpc: RpcClient, question: Request[A]) -> A:
    for pause_seconds in PAUSES_SECONDS:
        try:
            return await rpc.call(question)
        except Unavailable:
            await asyncio.sleep(pause_seconds)
    return await rpc.call(question)
