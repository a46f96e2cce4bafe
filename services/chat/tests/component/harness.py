"""Chat as it runs, with its real neighbours: agent, and a model at the other end of HTTP."""

from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import httpx
from nats.aio.client import Client

from lingxi_agent import bootstrap as agent_bootstrap
from lingxi_agent.settings import Settings as AgentSettings
from lingxi_chassis.bus import connect
from lingxi_chassis.ids import new_id
from lingxi_chassis.postgres import Pool, execute, fetch_all, open_pool
from lingxi_chassis.process import Stop
from lingxi_chassis.rpc import RpcClient
from lingxi_chat import bootstrap
from lingxi_chat.adapters.agents import RemoteProfiles
from lingxi_chat.adapters.live import LiveSignals
from lingxi_chat.adapters.model import SpeakingModel
from lingxi_chat.application.answer_turn import AnswerTurns
from lingxi_chat.application.look_up import LookUp
from lingxi_chat.application.moderate import Moderate
from lingxi_chat.application.parts import Live
from lingxi_chat.application.recall import Recall
from lingxi_chat.application.turn_workers import TurnWorkers
from lingxi_chat.domain.safety import Rules
from lingxi_chat.settings import Settings
from lingxi_contracts.agent import AgentParameters, CreateAgent
from lingxi_contracts.base import Answer, Request
from lingxi_contracts.chat import (
    GetAnswer,
    GetSession,
    ListMessages,
    MessageView,
    PostedMessage,
    PostMessage,
    SessionView,
)
from lingxi_simulator.server import Running, start as start_simulator
from tests.fixtures.waiting import eventually

POOL_SIZE = 2


@dataclass(frozen=True)
class Simulated:
    """The model's other side: faults to inject, requests to look at, by its HTTP API."""

    url: str
    http: httpx.AsyncClient

    async def fault(self, do: str, **rule: Any) -> int:
        """From now on; `contains` names a part of the newest message it is for. Returns its id."""
        response = await self.http.post("/faults", json=[{"do": do, **rule}])
        assert response.status_code == 201, response.text
        return response.json()["ids"][0]

    async def heal(self, fault_id: int | None = None) -> None:
        """No faults from now on, or not this one; what hangs by it goes on."""
        await self.http.delete("/faults", params={} if fault_id is None else {"id": fault_id})

    async def prompts(self, containing: str) -> list[list[dict[str, str]]]:
        """The messages of each request whose newest message holds this, oldest first."""
        response = await self.http.get("/requests")
        bodies = [one["body"] for one in response.json()["requests"]]
        asked = [body["messages"] for body in bodies if "messages" in body]
        return [messages for messages in asked if containing in messages[-1]["content"]]

    async def asked(self, containing: str, times: int = 1) -> None:
        """Return once so many requests with this in the newest message have come."""

        async def came() -> bool:
            return len(await self.prompts(containing)) >= times

        await eventually(came)


@dataclass(frozen=True)
class RunningChat:
    """The running service, seen from outside, and a look into its database."""

    rpc: RpcClient
    nats: Client
    pool: Pool
    settings: Settings
    model: Simulated
    user_id: UUID = field(default_factory=new_id)

    async def ask[A: Answer](self, request: Request[A]) -> A:
        """What the request's owner answers."""
        return await self.rpc.call(request)

    def post(self, text: str, session_id: UUID | None = None, **fields: Any) -> PostMessage:
        """A message; without a session, the first of a new one."""
        values: dict[str, Any] = {
            "user_id": self.user_id,
            "session_id": session_id or new_id(),
            "message_id": new_id(),
            "text": text,
            "create_session": session_id is None,
            "request_hash": "hash",
        }
        return PostMessage.model_validate(values | fields)

    async def outcome(self, posted: PostedMessage | PostMessage) -> PostedMessage:
        """The recorded state of a message once its turn has ended."""
        question = GetAnswer(
            user_id=self.user_id, session_id=posted.session_id, message_id=posted.message_id
        )
        states: list[PostedMessage] = []

        async def ended() -> bool:
            states.append(await self.ask(question))
            return states[-1].status != "pending"

        await eventually(ended)
        return states[-1]

    async def say(self, text: str, session_id: UUID | None = None, **fields: Any) -> PostedMessage:
        """Post, and wait for the end of the turn."""
        return await self.outcome(await self.ask(self.post(text, session_id, **fields)))

    async def session(self, session_id: UUID) -> SessionView:
        return await self.ask(GetSession(user_id=self.user_id, session_id=session_id))

    async def messages(self, session_id: UUID, **page: Any) -> tuple[MessageView, ...]:
        question = ListMessages(user_id=self.user_id, session_id=session_id, **page)
        return (await self.ask(question)).results

    async def events(self, session_id: UUID) -> list[tuple[str, dict[str, Any]]]:
        """Name and data of what is logged of a session, in order."""
        rows = await fetch_all(
            self.pool,
            "select split_part(type, '.', 1), data from events where stream_id = %(id)s"
            " order by version",
            {"id": session_id},
        )
        return [(row[0], row[1]) for row in rows]

    async def logged(self, session_id: UUID) -> list[str]:
        """The names of what is logged of a session."""
        return [name for name, _ in await self.events(session_id)]

    async def work(self, session_id: UUID) -> tuple[Any, ...] | None:
        """`(attempt, claim_id, lease_until)` of the session's open turn."""
        rows = await fetch_all(
            self.pool,
            "select attempt, claim_id, lease_until from turn_work where session_id = %(id)s",
            {"id": session_id},
        )
        return rows[0] if rows else None

    async def expire_lease(self, session_id: UUID, attempt: int | None = None) -> None:
        """The holder of the session's open turn did not renew in time."""
        assert await execute(
            self.pool,
            "update turn_work set lease_until = now() - interval '1 second',"
            " attempt = coalesce(%(attempt)s, attempt) where session_id = %(id)s",
            {"id": session_id, "attempt": attempt},
        ), "no turn is open"

    async def agent(self, personality: str = "", name: str = "Mo", **parameters: Any) -> UUID:
        """A new agent of the user's."""
        command = CreateAgent(
            user_id=self.user_id,
            agent_id=new_id(),
            agent_name=name,
            personality_prompt=personality,
            parameters=AgentParameters.model_validate(parameters),
        )
        return (await self.ask(command)).agent_id

    async def waits_for_a_row(self, part: str) -> bool:
        """Whether a statement with this part waits for somebody else's transaction."""
        sql = (
            "select 1 from pg_stat_activity where datname = current_database()"
            " and wait_event_type = 'Lock' and query like '%%' || %(part)s || '%%'"
        )
        return bool(await fetch_all(self.pool, sql, {"part": part}))

    @asynccontextmanager
    async def another_worker(
        self, slots: int = 1, live: Live | None = None
    ) -> AsyncGenerator[TurnWorkers]:
        """Another replica's turn workers on the same queue; they look at it when told to."""

        async def nudge() -> None:
            return

        client = bootstrap.model_client(self.settings)
        answer = AnswerTurns(
            bootstrap.session_log(self.pool),
            LookUp(self.pool, RemoteProfiles(self.rpc)),
            SpeakingModel(client),
            live or LiveSignals(self.nats),
            Recall(self.pool),
            Moderate(Rules(), None),
            self.settings.model_context_tokens,
        )
        workers = TurnWorkers(self.pool, answer, nudge, slots)
        try:
            yield workers
        finally:
            await workers.finish()
            await client.close()


@asynccontextmanager
async def running_chat(
    new_database: Callable[[], str], nats_url: str, **settings: Any
) -> AsyncGenerator[RunningChat]:
    """Chat, agent and a simulated model, each with its own state, on shared servers."""
    simulator = await start_simulator()
    async with AsyncExitStack() as stack:
        stack.push_async_callback(simulator.close)
        common = {"NATS_URL": nats_url, "LINGXI_INTERNAL_PORT": 0}
        of_agent = AgentSettings.model_validate(common | {"DATABASE_URL": new_database()})
        of_chat = chat_settings(new_database(), nats_url, simulator, **settings)
        agent_bootstrap.migrate(of_agent)
        bootstrap.migrate(of_chat)
        stop = Stop()
        await stack.enter_async_context(agent_bootstrap.start(of_agent, stop))
        await stack.enter_async_context(bootstrap.start(of_chat, stop))
        async with observed(of_chat, simulator) as chat:
            yield chat
        assert not stop.failed


def chat_settings(
    database_url: str, nats_url: str, simulator: Running, **settings: Any
) -> Settings:
    """For a chat whose agents the simulator speaks for."""
    return Settings.model_validate(
        {
            "NATS_URL": nats_url,
            "LINGXI_INTERNAL_PORT": 0,
            "DATABASE_URL": database_url,
            "OPENAI_BASE_URL": simulator.base_url,
            "OPENAI_MODEL": "simulated",
            **settings,
        }
    )


@asynccontextmanager
async def observed(settings: Settings, simulator: Running) -> AsyncGenerator[RunningChat]:
    """A look at a chat that runs, here or in a process of its own."""
    async with (
        connect(settings.nats_url, "tester") as nats,
        open_pool(settings.database_url, POOL_SIZE) as pool,
        httpx.AsyncClient(base_url=simulator.url, timeout=5.0, trust_env=False) as http,
    ):
        model = Simulated(simulator.url, http)
        yield RunningChat(RpcClient(nats), nats, pool, settings, model)
