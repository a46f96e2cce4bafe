"""RetryTurn: try the newest turn again after it failed, or was stopped before a word."""

from dataclasses import dataclass

from lingxi_chat.application.parts import SessionLog
from lingxi_chat.application.start_turn import start_turn
from lingxi_chat.application.turn_workers import TurnWorkers
from lingxi_chat.domain import turns
from lingxi_contracts.chat import RetryTurn, TurnQueued


@dataclass(frozen=True, slots=True)
class RetryTurns:
    """The use case with what it needs."""

    log: SessionLog
    workers: TurnWorkers

    async def __call__(self, command: RetryTurn) -> TurnQueued:
        """Start a turn for the messages that wait. A repeat starts none.

        Raises:
            SessionNotFound: unknown, deleted or another user's.
            TurnOpen, NothingToRetry: the newest turn did not fail.
        """
        return await start_turn(command, self.log, self.workers, turns.retry)
