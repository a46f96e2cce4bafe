"""Erase a user: all of their sessions, and what chat knew of them; nothing can begin any more."""

from contextlib import suppress
from uuid import UUID

from lingxi_chassis import erasure
from lingxi_chat.application.delete_session import delete_session
from lingxi_chat.application.parts import SessionLog
from lingxi_chat.projections.neighbours import forget_user
from lingxi_contracts.chat import DeleteSession
from lingxi_contracts.errors import SessionNotFound


async def erase_user(user_id: UUID, log: SessionLog) -> None:
    """Delete all sessions of a user who is gone. Stopped half-way, it is simply done again."""

    async def delete(session_id: UUID) -> None:
        with suppress(SessionNotFound):  # deleted meanwhile
            await delete_session(DeleteSession(user_id=user_id, session_id=session_id), log)

    await erasure.erase_user(log.pool, user_id, delete)
    await forget_user(log.pool, user_id)
