"""RenameSession: the user chooses a title."""

from lingxi_chassis.clock import utc_now
from lingxi_chassis.eventlog import again_on_conflict
from lingxi_chat.application.parts import SessionLog, load
from lingxi_chat.domain import conversation
from lingxi_chat.projections.sessions import get_session
from lingxi_contracts.chat import RenameSession, SessionView
from lingxi_contracts.errors import SessionNotFound


async def rename_session(command: RenameSession, log: SessionLog) -> SessionView:
    """Set the title. Raises SessionNotFound."""

    async def attempt() -> None:
        snapshot = await load(log, command.session_id, command.user_id)
        await log.append(snapshot, conversation.rename(snapshot.state, command.title), utc_now())

    await again_on_conflict(attempt)
    view = await get_session(log.pool, command.user_id, command.session_id)
    if view is None:
        raise SessionNotFound
    return view
