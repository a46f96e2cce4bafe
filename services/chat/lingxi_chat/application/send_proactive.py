"""SendProactive: say what was decided to be said, once."""

from lingxi_chassis.clock import utc_now
from lingxi_chassis.eventlog import again_on_conflict
from lingxi_chat.application.parts import SessionLog
from lingxi_chat.domain import proactive
from lingxi_chat.domain.proactive import Decided
from lingxi_chat.projections.messages import find_repeat
from lingxi_contracts.chat import ProactiveSent, SendProactive
from lingxi_contracts.errors import SessionNotFound
from lingxi_contracts.identity import proactive_message_id


async def send_proactive(command: SendProactive, log: SessionLog) -> ProactiveSent:
    """Send it. A repeat (same decision) answers the same, however late.

    Raises:
        SessionNotFound: unknown, deleted or another user's.
        ProactiveExpired, ProactiveOutdated, TurnOpen, UnreadMessages: it is not to be sent.
    """
    message_id = proactive_message_id(command.decision_id)
    decided = Decided(
        command.decision_id,
        message_id,
        command.text,
        command.based_on_user_seq,
        command.expires_at,
    )

    async def attempt() -> ProactiveSent:
        found = await find_repeat(log.pool, command.user_id, command.session_id, message_id)
        if found.state is None:
            raise SessionNotFound
        if found.repeat_seq is not None:
            return ProactiveSent(message_id=message_id, seq=found.repeat_seq)
        snapshot = log.snapshot(command.session_id, command.user_id, found.version, found.state)
        at = utc_now()
        events = proactive.send_proactive(snapshot.state, decided, at)
        await log.append(snapshot, events, at)
        return ProactiveSent(message_id=message_id, seq=snapshot.state.last_seq + 1)

    return await again_on_conflict(attempt)
