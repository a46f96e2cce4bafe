"""ReadMessages: the user has seen the agent's messages up to one of them."""

from lingxi_chassis.clock import utc_now
from lingxi_chassis.eventlog import again_on_conflict
from lingxi_chat.application.parts import SessionLog, load
from lingxi_chat.domain import session as domain
from lingxi_chat.projections.messages import unread_after
from lingxi_contracts.base import Nothing
from lingxi_contracts.chat import ReadMessages
from lingxi_contracts.errors import MessageNotFound


async def read_messages(command: ReadMessages, log: SessionLog) -> Nothing:
    """Mark as read. What was read stays read: an earlier message changes nothing.

    Raises:
        SessionNotFound, MessageNotFound: unknown, deleted or another user's.
    """

    async def attempt() -> Nothing:
        # The count is taken after the snapshot: if a message came in between, the append conflicts.
        snapshot = await load(log, command.session_id, command.user_id)
        up_to_seq, unread, first = snapshot.state.last_agent_seq, 0, None
        if command.up_to is not None:
            found = await unread_after(log.pool, command.session_id, command.up_to)
            if found is None:
                raise MessageNotFound
            up_to_seq, unread, first = found
        events = domain.read(snapshot.state, up_to_seq, unread, first)
        await log.append(snapshot, events, utc_now())
        return Nothing()

    return await again_on_conflict(attempt)
