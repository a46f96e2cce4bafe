"""Which events of other owners scheduler listens to, and what it does about them.

Guards: the facts of a watch are the greatest of their kind, a neighbour's row is monotone in its
stream's sequence, what is deleted stays deleted, and of an erased user nothing is begun.
"""

from collections.abc import Sequence
from functools import reduce
from uuid import UUID

from lingxi_chassis.consumers import HandlerLimits, Subscriptions, Together
from lingxi_contracts import agent, chat, gateway
from lingxi_contracts.base import Event
from lingxi_contracts.envelope import Envelope
from lingxi_scheduler.application.end_watch import end_watch, erase_user
from lingxi_scheduler.application.parts import DecisionLog
from lingxi_scheduler.application.watch_sessions import News, WatchSessions
from lingxi_scheduler.domain import watch as watches
from lingxi_scheduler.domain.manners import manners_of
from lingxi_scheduler.domain.watch import Watch
from lingxi_scheduler.projections.neighbours import forget_agent, remember_agent, remember_user
from lingxi_scheduler.projections.watches import sessions_of_agent, sessions_of_user

HEARD_OF_SESSIONS = (
    "session_started",
    "message_posted",
    "message_sent",
    "messages_read",
    "message_flagged",
    "turn_started",
    "turn_completed",
    "turn_failed",
    "turn_stopped",
)
BATCHES = HandlerLimits(batch_events=1_024, ack_pending_max=4_096)
"""A turn is told in five events within a moment, and a watch looks at minutes."""


def listen(subscriptions: Subscriptions, log: DecisionLog, watching: WatchSessions) -> None:
    """Register scheduler's handlers."""
    heard = Heard(log, watching)
    on = subscriptions.on
    on(chat.OWNER, HEARD_OF_SESSIONS, "watch_session", Together(heard.of_sessions), BATCHES)
    on(chat.OWNER, ("session_deleted",), "end_watch", heard.end_of_session)
    manners = ("agent_created", "agent_changed")
    on(agent.OWNER, manners, "remember_manners", heard.manners)
    on(agent.OWNER, ("agent_deleted",), "forget_agent", heard.end_of_agent)
    on(gateway.OWNER, ("user_registered", "user_changed"), "remember_user", heard.time_zone)
    on(gateway.OWNER, ("user_deleted",), "erase_user", heard.end_of_user)


class Heard:
    """What is done about each event. All of it may come twice, late, and in any order."""

    def __init__(self, log: DecisionLog, watching: WatchSessions) -> None:
        self._log = log
        self._watching = watching

    async def of_sessions(self, events: Sequence[Envelope]) -> None:
        """These things happened, in any sessions."""
        told: dict[UUID, list[News]] = {}
        for event in events:
            news = news_of(event)
            if news is not None:
                told.setdefault(event.subject, []).append(news)
        users = {event.subject: event.userid for event in events}
        await self._watching.hear({one: _all_of(news) for one, news in told.items()}, users)

    async def end_of_session(self, event: Envelope) -> None:
        """A session is gone for good."""
        await end_watch(self._log, self._watching, event.subject, event.userid, event.time)

    async def manners(self, event: Envelope) -> None:
        """An agent was made or changed."""
        now = agent.AgentChanged.model_validate(event.data)
        manners = manners_of(now.parameters, now.timings)
        agent_id = event.subject
        newest = await remember_agent(
            self._log.pool, agent_id, event.userid, manners, sequence=event.sequence, at=event.time
        )
        if newest:
            await self._watching.reopen(sessions_of_agent, agent_id)

    async def end_of_agent(self, event: Envelope) -> None:
        """An agent is gone for good; its sessions' ends are told one by one."""
        await forget_agent(self._log.pool, event.subject, event.userid, event.time)
        await self._watching.reopen(sessions_of_agent, event.subject)

    async def time_zone(self, event: Envelope) -> None:
        """A user lives somewhere."""
        zone = gateway.UserChanged.model_validate(event.data).timezone
        if await remember_user(self._log.pool, event.subject, zone, event.sequence, event.time):
            await self._watching.reopen(sessions_of_user, event.subject)

    async def end_of_user(self, event: Envelope) -> None:
        """A user is gone for good."""
        await erase_user(self._log, event.userid, event.time)


def _all_of(news: Sequence[News]) -> News:
    def told(watch: Watch) -> Watch:
        return reduce(lambda known, one: one(known), news, watch)

    return told


def news_of(event: Envelope) -> News | None:
    """What an event of chat's tells a watch; None: nothing."""
    kind = chat.EVENTS.get(event.type)
    return None if kind is None else _news(event, kind.model_validate(event.data))


def _news(event: Envelope, happened: Event) -> News | None:
    at = event.time
    match happened:
        case chat.SessionStarted(agent_id=agent_id):
            return lambda watch: watches.started(watch, at, agent_id)
        case chat.MessagePosted(seq=seq):
            return lambda watch: watches.posted(watch, at, seq)
        case chat.MessageSent(seq=seq, proactive_id=decision):
            return lambda watch: watches.sent(watch, at, seq, proactive=decision is not None)
        case chat.MessagesRead(up_to_seq=seq):
            return lambda watch: watches.read(watch, at, seq)
        case chat.MessageFlagged(seq=seq):
            return lambda watch: watches.flagged(watch, at, seq)
        case chat.TurnStarted():
            return lambda watch: watches.turned(watch, at, event.sequence, open_now=True)
        case chat.TurnCompleted() | chat.TurnFailed() | chat.TurnStopped():
            return lambda watch: watches.turned(watch, at, event.sequence, open_now=False)
        case _:
            return None
