"""RegenerateTurn: have the newest answer made again; it stands until the other one is there."""

from dataclasses import dataclass

from lingxi_chat.application.parts import SessionLog
from lingxi_chat.application.start_turn import start_turn
from lingxi_chat.application.turn_workers import TurnWorkers
from lingxi_chat.domain import turns
from lingxi_contracts.chat import RegenerateTurn, TurnQueued


@dataclass(frozen=True, slots=True)
class RegenerateTurns:
    """The use case with what it needs."""

    log: SessionLog
    workers: TurnWorkers

    async def __call__(self, command: RegenerateTurn) -> TurnQueued:
        """Start a turn that answers the same messages. A repeat starts none.

        Raises:
            SessionNotFound: unknown, deleted or another user's.
            TurnOpen, NothingToRegenerate: the newest turn has no answer.
        """
        return await start_turn(command, self.log, self.workers, turns.regenerate)
