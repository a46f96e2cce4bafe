"""Healing on request: an operator's wish reaches whichever replica's relay is the active one.

It comes as a core NATS request on the nudge's subject, so every replica hears it; the one that
publishes heals and answers with the stream's last sequence then, the others stay silent.
"""

from contextlib import suppress

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from lingxi_contracts.errors import Unavailable
from lingxi_contracts.subjects import relay_nudge

HEAL = b"heal"
HEAL_SECONDS_MAX = 30.0


class Healing:
    """Wishes that wait for the active relay; none are taken while this one stands by."""

    def __init__(self) -> None:
        self._asked: list[Msg] = []
        self.active = False

    @property
    def asked(self) -> bool:
        """Whether somebody waits."""
        return bool(self._asked)

    def take(self, message: Msg) -> None:
        """A nudge came; it may be a wish."""
        if self.active and message.data == HEAL and message.reply:
            self._asked.append(message)

    def stand_by(self) -> None:
        """This relay is not the active one any more: whoever waits asks again."""
        self.active = False
        self._asked.clear()

    async def healed(self, last_seq: int) -> None:
        """The stream is empty and its next message has the sequence after `last_seq`."""
        asked, self._asked = self._asked, []
        for message in asked:
            with suppress(NatsError, OSError):
                await message.respond(str(last_seq).encode())


async def ask_to_heal(nats: Client, owner: str) -> int:
    """Have the owner's stream emptied and filled again; its last sequence once it is empty.

    Raises:
        Unavailable: no relay of the owner has done it in time; it may still.
    """
    try:
        answer = await nats.request(relay_nudge(owner), HEAL, HEAL_SECONDS_MAX)
    except (NatsError, TimeoutError) as error:
        raise Unavailable from error
    return int(answer.data)
