"""ReadMessages: the user has seen the agent's messages up to one of them."""

from lingxi_chassis.clock import utc_now
from lingxi_chassis.eventlog import again_on_conflict
from lingxi_chat.application.parts import SessionLog, load
from lingxi_chat.domain import conversation
from lingxi_chat.projections.messages import reading
from lingxi_contracts.base import Nothing
from lingxi_contracts.chat import ReadMessages
from lingxi_contracts.errors import MessageNotFound, SessionNotFound


async def read_messages(command: ReadMessages, log: SessionLog) -> Nothing:
    """Mark as read. What was read stays read: an earlier message changes nothing.

    Raises:
        SessionNotFound, MessageNotFound: unknown, deleted or another user's.
    """

    async def attempt() -> Nothing:
        if command.up_to is None:
            snapshot = await load(log, command.session_id, command.user_id)
            events = conversation.read(snapshot.state, snapshot.state.last_agent_seq, 0, None)
            await log.append(snapshot, events, utc_now())
            return Nothing()
        # Count and snapshot are of one moment: the append conflicts if a message came since.
        found = await reading(log.pool, command.user_id, command.session_id, command.up_to)
        if found is None:
            raise SessionNotFound
        if found.seq is None:
            raise MessageNotFound
        snapshot = log.snapshot(command.session_id, command.user_id, found.version, found.state)
        events = conversation.read(
            snapshot.state, found.seq, found.unread_count, found.first_unread_id
        )
        await log.append(snapshot, events, utc_now())
        return Nothing()

    return await again_on_conflict(attempt)
