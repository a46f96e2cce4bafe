"""Starting a turn that a command asks for: retry, regenerate and edit differ in their decision."""

from collections.abc import Callable, Sequence
from uuid import UUID

from lingxi_chassis.clock import utc_now
from lingxi_chassis.eventlog import again_on_conflict
from lingxi_chat.application.parts import SessionLog, load
from lingxi_chat.application.turn_workers import TurnWorkers
from lingxi_chat.domain.session import Session, SessionEvent
from lingxi_contracts.chat import EditMessage, RegenerateTurn, RetryTurn, TurnQueued

type Decide = Callable[[Session, UUID], Sequence[SessionEvent]]


async def start_turn(
    command: RetryTurn | RegenerateTurn | EditMessage,
    log: SessionLog,
    workers: TurnWorkers,
    decide: Decide,
) -> TurnQueued:
    """Start the command's turn, in the append of what `decide` says; no events: a repeat.

    Raises:
        SessionNotFound: unknown, deleted or another user's.
        Refusal: the decision's own.
    """

    async def attempt() -> TurnQueued:
        snapshot = await load(log, command.session_id, command.user_id)
        events = decide(snapshot.state, command.turn_id)
        if events:
            async with workers.starting(
                command.turn_id, command.session_id, command.user_id
            ) as starting:
                starting.begun = await log.append(
                    snapshot, events, utc_now(), effects=(starting.work,)
                )
        return TurnQueued(turn_id=command.turn_id)

    return await again_on_conflict(attempt)
