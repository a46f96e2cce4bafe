"""Which events of other owners agent listens to, and what it does about them.

Guards: an agent is deleted once and a memory is forgotten once, of an erased user none is made, and
of a deleted agent or session no memory. On a message that was superseded none rests any more.
"""

from lingxi_agent.application.agent_log import AgentLog
from lingxi_agent.application.erase_user import erase_user
from lingxi_agent.application.forget_memories import forget_memories
from lingxi_agent.application.forget_session import forget_messages, forget_session
from lingxi_chassis.clock import utc_now
from lingxi_chassis.consumers import Subscriptions
from lingxi_chassis.erasure import Redactor
from lingxi_contracts import agent, chat, gateway
from lingxi_contracts.envelope import Envelope


def listen(subscriptions: Subscriptions, log: AgentLog, redactor: Redactor) -> None:
    """Register agent's handlers."""

    async def user_deleted(event: Envelope) -> None:
        await erase_user(log, event.userid, utc_now())

    async def session_deleted(event: Envelope) -> None:
        await forget_session(log, redactor, event.userid, event.subject, utc_now())

    async def messages_superseded(event: Envelope) -> None:
        gone = chat.MessagesSuperseded.model_validate(event.data).message_ids
        await forget_messages(log, event.userid, event.subject, gone, utc_now())

    async def agent_deleted(event: Envelope) -> None:
        await forget_memories(log, event.userid, event.subject, utc_now())

    subscriptions.on(gateway.OWNER, ("user_deleted",), "erase_user", user_deleted)
    subscriptions.on(chat.OWNER, ("session_deleted",), "forget_session", session_deleted)
    superseded = ("messages_superseded",)
    subscriptions.on(chat.OWNER, superseded, "forget_messages", messages_superseded)
    # Its own tombstone: what remains to be done is done again until it is.
    subscriptions.on(agent.OWNER, ("agent_deleted",), "forget_memories", agent_deleted)
