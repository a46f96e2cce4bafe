"""Scheduler as it runs: real neighbours, of gateway the log alone, a simulated model, and a clock
that is moved."""

from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from lingxi_chassis.clock import utc_now
from lingxi_chassis.postgres import Pool, fetch_all, fetch_one, open_pool
from lingxi_chassis.process import Stop
from lingxi_contracts import gateway
from lingxi_contracts.agent import ChangeAgent
from lingxi_contracts.chat import MessageView, ReadMessages
from lingxi_contracts.scheduler import DecisionView, ListDecisions
from lingxi_scheduler import bootstrap
from lingxi_scheduler.projections.watches import Kept, find_watch
from lingxi_scheduler.settings import Settings
from services.chat.tests.component.harness import RunningChat, running_chat
from tests.fixtures.others_log import OthersLog, others_log
from tests.fixtures.waiting import eventually

POOL_SIZE = 2
SILENCE = timedelta(minutes=6)
"""More than the silence that a new agent waits for."""
SETTLED_SECONDS_MAX = 60.0


@dataclass
class MovableClock:
    """The time on the wall, and as much later as the test says."""

    ahead: timedelta = timedelta()
    hearers: list[Callable[[], None]] = field(default_factory=list[Callable[[], None]])

    def now(self) -> datetime:
        return utc_now() + self.ahead

    def on_move(self, hear: Callable[[], None]) -> None:
        self.hearers.append(hear)

    def move(self, by: timedelta) -> None:
        """It is so much later now."""
        self.ahead += by
        for hear in self.hearers:
            hear()


@dataclass(frozen=True)
class RunningScheduler:
    """The running service, seen from outside, and a look into its database."""

    chat: RunningChat
    pool: Pool
    settings: Settings
    clock: MovableClock
    gateway: OthersLog

    async def lives_in(self, zone: str) -> None:
        """The user registered, so long ago that gateway's stream has forgotten it."""
        user_id = self.chat.user_id
        registered = gateway.UserRegistered(username="ann", email=None, timezone=zone)
        await self.gateway.tell(registered, user_id, user_id)

    async def talk(
        self, *, turns: int = 3, agent_id: UUID | None = None, about: str = "Message 1."
    ) -> UUID:
        """A session of five messages or more that were all read, and that scheduler has heard."""
        agent_id = agent_id or await self.chat.agent("You are a gardener.")
        said = await self.chat.say(f"My name is Ann. {about}", agent_id=agent_id)
        for number in range(2, turns + 1):
            await self.chat.say(f"Message {number}.", said.session_id)
        await self.read(said.session_id)
        await self.heard(said.session_id)
        return said.session_id

    async def read(self, session_id: UUID) -> None:
        """The user sees all there is."""
        command = ReadMessages(user_id=self.chat.user_id, session_id=session_id, up_to=None)
        await self.chat.ask(command)

    async def heard(self, session_id: UUID) -> Kept:
        """The watch once it is as chat's log is."""
        events = await self.chat.events(session_id)
        names = [name for name, _ in events]
        seqs = [data["seq"] for name, data in events if name in ("message_posted", "message_sent")]
        reads = [data["up_to_seq"] for name, data in events if name == "messages_read"]
        turns = [at for at, name in enumerate(names, 1) if name.startswith("turn_")]
        found: list[Kept] = []

        async def caught_up() -> bool:
            kept = await find_watch(self.pool, session_id)
            found[:] = [kept] if kept else []
            return (
                kept is not None
                and kept.agent_known
                and kept.watch.agent_id is not None
                and kept.watch.newest_seq >= max(seqs, default=0)
                and kept.watch.read_up_to >= max(reads, default=0)
                and kept.watch.turn_sequence >= max(turns, default=0)
                and await self.nothing_comes()
            )

        await eventually(caught_up, SETTLED_SECONDS_MAX)
        return found[0]

    async def nothing_comes(self) -> bool:
        """Whether all that was published about sessions is written down."""
        consumer = await self.chat.nats.jetstream().consumer_info(
            "CHAT_EVENTS", "scheduler-watch_session"
        )
        return consumer.num_pending == 0 and consumer.num_ack_pending == 0

    async def decisions(self, session_id: UUID) -> list[DecisionView]:
        """What the user reads: newest first."""
        question = ListDecisions(user_id=self.chat.user_id, session_id=session_id)
        return list((await self.chat.ask(question)).results)

    async def decided(self, session_id: UUID, lines: int = 1) -> DecisionView:
        """The newest line of the decision log, once there are so many."""
        found: list[DecisionView] = []

        async def told() -> bool:
            found[:] = await self.decisions(session_id)
            return len(found) >= lines

        try:
            await eventually(told, SETTLED_SECONDS_MAX)
        except TimeoutError:
            kept = await find_watch(self.pool, session_id)
            raise AssertionError(f"{found} {kept} at {self.clock.now()}") from None
        assert len(found) == lines, found
        return found[0]

    async def written_first(self, session_id: UUID) -> list[MessageView]:
        """What the agent wrote on its own account."""
        return [one for one in await self.chat.messages(session_id) if one.proactive]

    async def change(self, agent_id: UUID, **patch: Any) -> None:
        """Change the agent's settings, and wait until scheduler has heard."""
        before = await self.manners(agent_id)
        await self.chat.ask(ChangeAgent(user_id=self.chat.user_id, agent_id=agent_id, patch=patch))

        async def changed() -> bool:
            return await self.manners(agent_id) != before

        await eventually(changed, SETTLED_SECONDS_MAX)

    async def manners(self, agent_id: UUID) -> Any:
        row = await fetch_one(
            self.pool, "select manners from agents where agent_id = %(id)s", {"id": agent_id}
        )
        return row and row[0]

    async def sent_today(self) -> list[int]:
        """Places taken by all of the user's agents, by day."""
        rows = await fetch_all(
            self.pool,
            "select sum(sent)::int from agent_caps where user_id = %(id)s"
            " group by day order by day",
            {"id": self.chat.user_id},
        )
        return [row[0] for row in rows]

    async def rested(self, session_id: UUID) -> Kept:
        """The watch once nobody looks at it and nothing is on its way."""
        found: list[Kept] = []

        async def rests() -> bool:
            kept = await find_watch(self.pool, session_id)
            found[:] = [kept] if kept else []
            return kept is not None and kept.claim_id is None and kept.watch.sending is None

        await eventually(rests, SETTLED_SECONDS_MAX)
        return found[0]

    @asynccontextmanager
    async def another(self) -> AsyncGenerator[None]:
        """Another replica on the same database and clock."""
        stop = Stop()
        async with bootstrap.start(self.settings, stop, self.clock):
            yield
        assert not stop.failed


def scheduler_settings(database_url: str, chat: RunningChat, **settings: Any) -> Settings:
    """For a scheduler beside this chat."""
    return Settings.model_validate(
        {
            "NATS_URL": chat.settings.nats_url,
            "LINGXI_INTERNAL_PORT": 0,
            "DATABASE_URL": database_url,
            "OPENAI_BASE_URL": chat.settings.openai_base_url,
            "OPENAI_MODEL": "simulated",
            **settings,
        }
    )


@asynccontextmanager
async def running_scheduler(
    new_database: Callable[[], str], nats_url: str, **settings: Any
) -> AsyncGenerator[RunningScheduler]:
    """Scheduler, chat, agent and a simulated model, each with its own state."""
    async with AsyncExitStack() as stack:
        chat = await stack.enter_async_context(running_chat(new_database, nats_url))
        log = await stack.enter_async_context(others_log(gateway.OWNER, new_database(), nats_url))
        own = scheduler_settings(new_database(), chat, **settings)
        bootstrap.migrate(own)
        clock, stop = MovableClock(), Stop()
        await stack.enter_async_context(bootstrap.start(own, stop, clock))
        pool = await stack.enter_async_context(open_pool(own.database_url, POOL_SIZE))
        yield RunningScheduler(chat, pool, own, clock, log)
        assert not stop.failed
