"""End what is kept of a session that is gone, or of all of a user's."""

from datetime import datetime
from uuid import UUID

from lingxi_chassis import erasure
from lingxi_chassis.erasure import ERASING
from lingxi_chassis.eventlog import again_on_conflict
from lingxi_contracts.errors import SessionNotFound
from lingxi_contracts.scheduler import WatchEnded
from lingxi_scheduler.application.parts import DecisionLog
from lingxi_scheduler.application.watch_sessions import WatchSessions
from lingxi_scheduler.domain import decisions
from lingxi_scheduler.domain.decisions import Decisions, Events
from lingxi_scheduler.domain.watch import ended
from lingxi_scheduler.projections.caps import forget_days
from lingxi_scheduler.projections.neighbours import forget_user
from lingxi_scheduler.projections.watches import forget_watches


async def end_watch(
    log: DecisionLog, watching: WatchSessions, session_id: UUID, user_id: UUID, at: datetime
) -> None:
    """A session is gone for good: nothing is decided about it any more, what was is erased.

    The watch ends first, so that no decision under way is recorded after the tombstone. Repeatable.
    """
    await watching.hear({session_id: ended}, {session_id: user_id})
    await _erase_decisions(log, session_id, user_id, at)


async def erase_user(log: DecisionLog, user_id: UUID, at: datetime) -> None:
    """A user is gone for good. Stopped half-way, it is simply done again."""

    async def delete(session_id: UUID) -> None:
        await _erase_decisions(log, session_id, user_id, at)

    await erasure.erase_user(log.pool, user_id, delete)
    await forget_watches(log.pool, user_id)
    await forget_user(log.pool, user_id)
    await forget_days(log.pool, user_id)


async def _erase_decisions(log: DecisionLog, session_id: UUID, user_id: UUID, at: datetime) -> None:
    async def attempt() -> None:
        snapshot = await log.load(session_id, user_id)
        if snapshot is not None:
            events = (*_given_up(snapshot.state), WatchEnded())
            await log.append(snapshot, events, at, effects=(ERASING,), erase=True)

    await again_on_conflict(attempt)


def _given_up(state: Decisions) -> Events:
    """A decision on its way is not sent any more, and gives back its place on the day."""
    if state.pending is None:
        return ()
    decision = state.pending.decision_id
    return decisions.settle(state, decision, "skipped", SessionNotFound().message, None)
