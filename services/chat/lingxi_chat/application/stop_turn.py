"""StopTurn: end the open turn; what the agent has said by then is kept.

The wish is in the turn's row, so that it outlives whoever works on it; its holder is told at once,
and finds it at the next renewal of its lease at the latest. A turn that nobody holds is claimed and
ended by whoever looks next.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from uuid import UUID

from lingxi_chat.application.parts import SessionLog, load
from lingxi_chat.application.turn_workers import TurnWorkers
from lingxi_chat.projections.open_turns import request_stop
from lingxi_contracts.chat import StopTurn, TurnStopping


@dataclass(frozen=True, slots=True)
class StopTurns:
    """The use case with what it needs. `tell_holder` reaches the workers of all replicas."""

    log: SessionLog
    workers: TurnWorkers
    tell_holder: Callable[[UUID], Awaitable[None]]
    nudge: Callable[[], Awaitable[None]]

    async def __call__(self, command: StopTurn) -> TurnStopping:
        """Ask for the stop; `turn_id` null: nothing runs. Repeats change nothing.

        Raises:
            SessionNotFound: unknown, deleted or another user's.
        """
        snapshot = await load(self.log, command.session_id, command.user_id)
        turn_id = snapshot.state.open_turn
        held = None if turn_id is None else await request_stop(self.log.pool, turn_id)
        if turn_id is None or held is None:
            return TurnStopping(turn_id=None)
        if held:
            self.workers.stop(turn_id)
            await self.tell_holder(turn_id)
        else:
            await self.nudge()
        return TurnStopping(turn_id=turn_id)
