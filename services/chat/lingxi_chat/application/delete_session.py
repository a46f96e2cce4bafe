"""DeleteSession: the tombstone; with it go the session's messages, turn and list entry.

What is left of it in the log and in streams is due for erasure from then on. Who works on its turn
is told at once, so that nothing of it is said live when that has been erased.
"""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from uuid import UUID

from lingxi_chassis.clock import utc_now
from lingxi_chassis.erasure import ERASING
from lingxi_chassis.eventlog import again_on_conflict
from lingxi_chat.application.parts import SessionLog, load
from lingxi_chat.domain import conversation
from lingxi_chat.projections.open_turns import DROP, locking
from lingxi_chat.projections.sessions import sessions_of_agent
from lingxi_contracts.base import Nothing
from lingxi_contracts.chat import DeleteSession
from lingxi_contracts.errors import SessionNotFound

BATCH_SESSIONS_MAX = 100

type TellHolder = Callable[[UUID], Awaitable[None]]
"""Tells whoever works on a turn, in whatever replica, to stop."""


async def tell_nobody(turn_id: UUID) -> None:
    """For those who work on the turn themselves."""
    del turn_id


async def delete_session(
    command: DeleteSession, log: SessionLog, tell_holder: TellHolder = tell_nobody
) -> Nothing:
    """Delete a session for good. Raises SessionNotFound, for a repeat too."""

    async def attempt() -> Nothing:
        snapshot = await load(log, command.session_id, command.user_id)
        await log.append(
            snapshot,
            conversation.delete(),
            utc_now(),
            guard=locking(command.session_id),
            effects=(DROP, ERASING),
            erase=True,
        )
        if snapshot.state.open_turn is not None:
            await tell_holder(snapshot.state.open_turn)
        return Nothing()

    return await again_on_conflict(attempt)


async def delete_sessions_of(
    agent_id: UUID, log: SessionLog, tell_holder: TellHolder = tell_nobody
) -> None:
    """Delete all sessions of an agent that is gone. Stopped half-way, it is simply done again; none
    begins any more."""
    after = UUID(int=0)
    while batch := await sessions_of_agent(log.pool, agent_id, BATCH_SESSIONS_MAX, after):
        after = batch[-1][0]
        for session_id, user_id in batch:
            with suppress(SessionNotFound):  # deleted by its user meanwhile
                command = DeleteSession(user_id=user_id, session_id=session_id)
                await delete_session(command, log, tell_holder)
