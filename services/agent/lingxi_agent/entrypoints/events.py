"""Which events of other owners agent listens to, and what it does about them.

Guard: an agent is deleted once, and of an erased user none is made.
"""

from lingxi_agent.application.agent_log import AgentLog
from lingxi_agent.application.erase_user import erase_user
from lingxi_chassis.clock import utc_now
from lingxi_chassis.consumers import Subscriptions
from lingxi_contracts import gateway
from lingxi_contracts.envelope import Envelope


def listen(subscriptions: Subscriptions, log: AgentLog) -> None:
    """Register agent's handlers."""

    async def user_deleted(event: Envelope) -> None:
        await erase_user(log, event.userid, utc_now())

    subscriptions.on(gateway.OWNER, ("user_deleted",), "erase_user", user_deleted)
