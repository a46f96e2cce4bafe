"""Scheduler's use cases called one by one, so that something can happen between two of them.

The service beside it keeps the watches, on a clock that is not moved: it finds nothing due.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from lingxi_chassis.postgres import execute
from lingxi_contracts.scheduler import ProactiveDecided
from lingxi_scheduler import bootstrap
from lingxi_scheduler.adapters.model import DecidingModel
from lingxi_scheduler.adapters.owners import RemoteAgents, RemoteSessions
from lingxi_scheduler.application.ask_model import AskModel
from lingxi_scheduler.application.claim_due import LookAtSession
from lingxi_scheduler.application.decide import Decide
from lingxi_scheduler.application.record import Look, Record
from lingxi_scheduler.application.send import Send
from lingxi_scheduler.projections.watches import Claim, claim_due, find_watch
from services.scheduler.tests.component.harness import SILENCE, MovableClock, RunningScheduler

CLAIMED_MAX = 1_000


@dataclass(frozen=True)
class ByHand:
    """A replica without its loop, six minutes ahead of the time."""

    scheduler: RunningScheduler
    clock: MovableClock
    sessions: RemoteSessions
    decide: Decide
    send: Send
    look_at: LookAtSession

    async def claim(self, session_id: UUID) -> Claim:
        """Claim what is due, and this session among it."""
        return next(one for one in await self.claims() if one.session_id == session_id)

    async def claims(self) -> list[Claim]:
        """Claim everything that is due."""
        return await claim_due(self.scheduler.pool, self.clock.now(), CLAIMED_MAX)

    async def look(self, session_id: UUID) -> Look:
        """A claimed session, as a look finds it."""
        await self.claim(session_id)
        kept = await find_watch(self.scheduler.pool, session_id)
        assert kept is not None
        return Look(kept, await self.decide.record.load(kept))

    async def decided(self, session_id: UUID) -> Look:
        """A decision to write that is recorded and not sent yet."""
        look = await self.decide(await self.look(session_id))
        assert look is not None
        return look

    async def expire_lease(self, session_id: UUID) -> None:
        """Whoever looks at it died a while ago."""
        sql = "update watches set lease_until = now() - interval '1 s' where session_id = %(id)s"
        assert await execute(self.scheduler.pool, sql, {"id": session_id})


def pending(look: Look) -> ProactiveDecided:
    """The decision on its way."""
    decision = look.decisions.state.pending
    assert decision is not None
    return decision


@asynccontextmanager
async def by_hand(
    scheduler: RunningScheduler, ahead: timedelta = SILENCE
) -> AsyncGenerator[ByHand]:
    """The use cases on the service's database, with the real neighbours."""
    pool, rpc = scheduler.pool, scheduler.chat.rpc
    clock = MovableClock(ahead)
    record = Record(bootstrap.open_log(pool), 1)
    sessions, agents = RemoteSessions(rpc), RemoteAgents(rpc)
    client = bootstrap.model_client(scheduler.settings)
    model = DecidingModel(client, scheduler.settings.model_context_tokens)
    ask_model = AskModel(pool, record, agents, model, clock)
    decide = Decide(pool, record, sessions, agents, ask_model, clock, 1)
    send = Send(pool, record, sessions, agents, clock)
    try:
        look_at = LookAtSession(pool, record, decide, send)
        yield ByHand(scheduler, clock, sessions, decide, send, look_at)
    finally:
        await client.close()
