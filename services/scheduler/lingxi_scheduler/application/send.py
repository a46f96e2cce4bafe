"""Send what was decided, and settle what became of it. A decision is sent again, never made again.

Chat has the last word: it refuses what is too late, or does not fit the conversation any more, and
answers a repeat with what it did. So it is asked about a decision that expired or is unwanted, too,
as about an expired one: it may have sent it, and its answer may have been lost.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

import structlog

from lingxi_chassis.postgres import Pool
from lingxi_chassis.zones import zone_named
from lingxi_contracts.errors import (
    AgentNotFound,
    ProactiveExpired,
    ProactiveOutdated,
    Refusal,
    SessionNotFound,
    TurnOpen,
    Unavailable,
    UnreadMessages,
)
from lingxi_contracts.scheduler import Outcome, ProactiveDecided
from lingxi_scheduler.application.parts import Agents, Clock, Sessions
from lingxi_scheduler.application.record import Look, Record
from lingxi_scheduler.domain import decisions
from lingxi_scheduler.domain.gates import TYPING_PAUSE, unwanted
from lingxi_scheduler.domain.watch import LONG_AGO
from lingxi_scheduler.projections.watches import find_watch

SETTLES_MAX = 20
"""Each one is lost to news of the session."""
MOVED_ON = (ProactiveOutdated, TurnOpen, UnreadMessages)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Send:
    """Sends the decision of a session that has one on its way."""

    pool: Pool
    record: Record
    sessions: Sessions
    agents: Agents
    clock: Clock

    async def __call__(self, look: Look) -> None:
        """Send, unless the user does not want it any more.

        Raises:
            Unavailable: the database is away.
        """
        pending = look.decisions.state.pending
        assert pending is not None
        try:
            await self._send(look, pending)
        except SessionNotFound:
            await self.record.wait_for_news(look, self.clock.now())
        except Unavailable:
            log.warning("send_put_off", decision_id=str(pending.decision_id))
            await self.record.put_off(look, self.clock.now())

    async def _send(self, look: Look, pending: ProactiveDecided) -> None:
        now = self.clock.now()
        watch = look.watch
        assert pending.expires_at is not None
        expired = now >= pending.expires_at
        no_more = None if expired else await self._no_more(look, pending, now)
        if not expired and no_more is None:
            work = await self.sessions.work(watch.user_id, watch.session_id)
            if work.typing:
                await self.record.put_off(look, now, TYPING_PAUSE)
                return
        try:
            sent = await self.sessions.send(
                watch.user_id,
                watch.session_id,
                pending,
                pending.expires_at if no_more is None and not expired else LONG_AGO,
            )
        except (SessionNotFound, Unavailable):
            raise
        except Refusal as refusal:
            why = ("skipped", no_more) if no_more else (_outcome(refusal), refusal.message)
            await self._settle(look, pending, *why)
        else:
            await self._settle(look, pending, "sent", pending.reason, sent.message_id)

    async def _no_more(self, look: Look, pending: ProactiveDecided, now: datetime) -> str | None:
        """Why the user does not want it any more, since it was decided."""
        try:
            manners = await self.agents.manners(look.watch.user_id, pending.agent_id)
        except AgentNotFound as refusal:
            return refusal.message
        closed = unwanted(manners, zone_named(look.kept.timezone), now)
        return closed.reason if closed else None

    async def _settle(
        self,
        look: Look,
        pending: ProactiveDecided,
        outcome: Outcome,
        reason: str,
        message_id: UUID | None = None,
    ) -> None:
        """Say what became of it; news of the session make it write again on what they wrote."""
        now = self.clock.now()
        for _ in range(SETTLES_MAX):
            events = decisions.settle(
                look.decisions.state, pending.decision_id, outcome, reason, message_id
            )
            settled = max(look.watch.decided_seq, pending.armed_seq)
            watch = replace(look.watch, sending=None, decided_seq=settled, tries=0)
            if await self.record.write(look, events, watch, now) is not None:
                log.info("decision_settled", outcome=outcome, session_id=str(watch.session_id))
                return
            kept = await find_watch(self.pool, watch.session_id)
            if kept is None or kept.claim_id != look.kept.claim_id:
                return
            look = Look(kept, await self.record.load(kept))


def _outcome(refusal: Refusal) -> Outcome:
    if isinstance(refusal, ProactiveExpired):
        return "expired"
    return "skipped" if isinstance(refusal, MOVED_ON) else "failed"
