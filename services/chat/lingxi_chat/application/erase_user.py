"""Erase a user: all of their sessions, and what chat knew of them; nothing can begin any more."""

from contextlib import suppress
from uuid import UUID

from lingxi_chassis import erasure
from lingxi_chat.application.delete_session import TellHolder, delete_session, tell_nobody
from lingxi_chat.application.parts import SessionLog
from lingxi_chat.projections.neighbours import forget_user
from lingxi_contracts.chat import DeleteSession
from lingxi_contracts.errors import SessionNotFound


async def erase_user(user_id: UUID, log: SessionLog, tell_holder: TellHolder = tell_nobody) -> None:
    """Delete all sessions of a user who is gone. Stopped half-way, it is simply done again."""

    async def delete(session_id: UUID) -> None:
        with suppress(SessionNotFound):  # deleted meanwhile
            command = DeleteSession(user_id=user_id, session_id=session_id)
            await delete_session(command, log, tell_holder)

    await erasure.erase_user(log.pool, user_id, delete)
    await forget_user(log.pool, user_id)
