"""RetryTurn: try the newest turn again after it failed, or was stopped before a word."""

from dataclasses import dataclass

from lingxi_chassis.clock import utc_now
from lingxi_chassis.eventlog import again_on_conflict
from lingxi_chat.application.parts import SessionLog, load
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
        return await again_on_conflict(lambda: self._attempt(command))

    async def _attempt(self, command: RetryTurn) -> TurnQueued:
        snapshot = await load(self.log, command.session_id, command.user_id)
        events = turns.retry(snapshot.state, command.turn_id)
        if events:
            async with self.workers.starting(
                command.turn_id, command.session_id, command.user_id
            ) as starting:
                starting.begun = await self.log.append(
                    snapshot, events, utc_now(), effects=(starting.work,)
                )
        return TurnQueued(turn_id=command.turn_id)
