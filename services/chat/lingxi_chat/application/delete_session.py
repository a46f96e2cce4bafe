"""DeleteSession: the tombstone; with it go the session's messages, turn and list entry."""

from lingxi_chassis.clock import utc_now
from lingxi_chassis.eventlog import again_on_conflict
from lingxi_chat.application.parts import SessionLog, load
from lingxi_chat.domain import session as domain
from lingxi_chat.projections.open_turns import DROP
from lingxi_contracts.base import Nothing
from lingxi_contracts.chat import DeleteSession


async def delete_session(command: DeleteSession, log: SessionLog) -> Nothing:
    """Delete a session for good. Raises SessionNotFound, for a repeat too."""

    async def attempt() -> Nothing:
        snapshot = await load(log, command.session_id, command.user_id)
        await log.append(snapshot, domain.delete(), utc_now(), effects=(DROP,), erase=True)
        return Nothing()

    return await again_on_conflict(attempt)
