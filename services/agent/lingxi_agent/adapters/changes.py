"""Words on NATS that agents have changed: whoever keeps profiles asks anew.

A word goes out on the connection that the command's answer goes out on, and before it. So whoever
is answered, and asks for a turn then, is spoken to by the agent as it is now. A repeat of what was
done already has its word, too. Words may get lost with the connection or the process: hence one
about all agents whenever either begins.
"""

from uuid import UUID

from nats.aio.client import Client

from lingxi_chassis.tasks import ahead
from lingxi_contracts.subjects import profiles_changed


class Changes:
    """Tells them."""

    def __init__(self, nats: Client) -> None:
        self._nats = nats

    def tell(self, user_id: UUID | None = None) -> None:
        """Something is not what it was with the agents of this user; None: perhaps of any."""
        ahead(self._nats.publish(profiles_changed(user_id)))
