"""Which events chat listens to, other owners' and its own, and what it does about them.

Guards: the neighbours' rows are monotone in their stream's sequence or in time, a deletion is
final, a session is deleted once, of an erased user nothing is begun, and a session's index moves by
compare-and-set.
"""

from collections.abc import Sequence
from uuid import UUID

from lingxi_chassis.consumers import HandlerLimits, Subscriptions, Together
from lingxi_chassis.postgres import Pool
from lingxi_chat.application.delete_session import TellHolder, delete_sessions_of
from lingxi_chat.application.embed_messages import MeantMessages
from lingxi_chat.application.erase_user import erase_user
from lingxi_chat.application.index_messages import index_messages
from lingxi_chat.application.parts import SessionLog
from lingxi_chat.projections.neighbours import forget_agent, remember_agent, remember_user
from lingxi_chat.projections.reviews import Look, remember_look
from lingxi_contracts import agent, chat, gateway
from lingxi_contracts.envelope import Envelope

EMBED = "embed_messages"
BATCHES = HandlerLimits(batch_events=256)
"""A session that is talked in fast is indexed once for all that was said meanwhile."""


def listen(
    subscriptions: Subscriptions,
    log: SessionLog,
    tell_holder: TellHolder,
    meant: MeantMessages | None = None,
) -> None:
    """Register chat's handlers; `meant`: who gives messages their vectors, if anybody does."""
    neighbours = Neighbours(log.pool)
    named = ("agent_created", "agent_changed")
    subscriptions.on(agent.OWNER, named, "remember_agent", neighbours.remember_agent)
    looked = ("personality_reviewed", "personality_suggested", "personality_suggestion_closed")
    subscriptions.on(agent.OWNER, looked, "remember_personality", neighbours.remember_look)
    placed = ("user_registered", "user_changed")
    subscriptions.on(gateway.OWNER, placed, "remember_user", neighbours.remember_user)

    async def agent_deleted(event: Envelope) -> None:
        await forget_agent(log.pool, event.subject, event.sequence)
        await delete_sessions_of(event.subject, log, tell_holder)

    async def user_deleted(event: Envelope) -> None:
        await erase_user(event.userid, log, tell_holder)

    async def summaries_due(events: Sequence[Envelope]) -> None:
        for session_id, to_seq in _up_to(events).items():
            await index_messages(log.pool, session_id, to_seq)

    together = Together(summaries_due)
    subscriptions.on(chat.OWNER, ("summary_due",), "index_messages", together, BATCHES)
    if meant is None:
        subscriptions.off(chat.OWNER, EMBED)
    else:
        # Apart from the other, which must not wait while the provider is away.
        _embed(subscriptions, meant)
    subscriptions.on(agent.OWNER, ("agent_deleted",), "delete_sessions", agent_deleted)
    subscriptions.on(gateway.OWNER, ("user_deleted",), "erase_user", user_deleted)


def _up_to(events: Sequence[Envelope]) -> dict[UUID, int]:
    """Up to which seq each session is due."""
    found: dict[UUID, int] = {}
    for event in events:
        due = chat.SummaryDue.model_validate(event.data)
        found[event.subject] = max(found.get(event.subject, 0), due.to_seq)
    return found


def _embed(subscriptions: Subscriptions, meant: MeantMessages) -> None:
    async def summary_due(event: Envelope) -> None:
        due = chat.SummaryDue.model_validate(event.data)
        await meant.index(event.subject, due.to_seq)

    subscriptions.on(chat.OWNER, ("summary_due",), EMBED, summary_due)


class Neighbours:
    """Keeps what chat needs to know of agents and users."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def remember_agent(self, event: Envelope) -> None:
        name = agent.AgentChanged.model_validate(event.data).name
        await remember_agent(self._pool, event.subject, name, event.sequence)

    async def remember_user(self, event: Envelope) -> None:
        timezone = gateway.UserChanged.model_validate(event.data).timezone
        await remember_user(self._pool, event.subject, timezone, event.sequence)

    async def remember_look(self, event: Envelope) -> None:
        """A new version closes what waits, and says so itself: `personality_changed` tells nothing
        more."""
        await remember_look(self._pool, _look(event))


def _look(event: Envelope) -> Look:
    told = agent.EVENTS[event.type].model_validate(event.data)
    match told:
        case agent.PersonalitySuggested():
            return Look(told.session_id, told.suggestion_id, event.sequence)
        case agent.PersonalitySuggestionClosed():
            return Look(told.session_id, None, event.sequence)
        case agent.PersonalityReviewed():
            return Look(told.session_id, checked_at=event.time)
        case _:
            raise LookupError(f"no look at a session: {event.type}")
