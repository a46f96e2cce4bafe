"""SignalTyping: the user's other devices see that the user is writing."""

from datetime import timedelta

from lingxi_chassis.clock import utc_now
from lingxi_chat.application.parts import Live, SessionLog, load
from lingxi_contracts.base import Nothing
from lingxi_contracts.chat import SignalTyping
from lingxi_contracts.live import TYPING_SECONDS, Typing


async def signal_typing(command: SignalTyping, log: SessionLog, live: Live) -> Nothing:
    """Tell it, and record nothing. Raises SessionNotFound, for another user's session too."""
    await load(log, command.session_id, command.user_id)
    until = utc_now() + timedelta(seconds=TYPING_SECONDS)
    await live.tell(command.user_id, Typing(session_id=command.session_id, who="user", until=until))
    return Nothing()
