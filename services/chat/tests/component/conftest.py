"""Chat as it runs, with its real neighbours: agent, and a model at the other end of HTTP."""

from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from uuid import UUID

import pytest

from lingxi_agent import bootstrap as agent_bootstrap
from lingxi_agent.settings import Settings as AgentSettings
from lingxi_chassis.bus import connect
from lingxi_chassis.ids import new_id
from lingxi_chassis.postgres import Pool, open_pool
from lingxi_chassis.process import Stop
from lingxi_chassis.rpc import RpcClient
from lingxi_chat import bootstrap
from lingxi_chat.settings import Settings
from lingxi_contracts.base import Answer
from lingxi_contracts.chat import ChatRequest, GetAnswer, PostedMessage, PostMessage
from lingxi_simulator.server import Running
from lingxi_simulator.server import start as start_simulator
from tests.fixtures.waiting import eventually

POOL_SIZE = 2


@dataclass(frozen=True)
class RunningChat:
    """The running service, seen from outside, and a look into its database."""

    rpc: RpcClient
    pool: Pool
    settings: Settings
    simulator: Running
    user_id: UUID = field(default_factory=new_id)

    async def ask[A: Answer](self, request: ChatRequest[A]) -> A:
        """What chat answers."""
        return await self.rpc.call(request)

    def post(
        self,
        text: str,
        session_id: UUID | None = None,
        message_id: UUID | None = None,
        agent_id: UUID | None = None,
        request_hash: str = "hash",
        mark_read: bool = True,
    ) -> PostMessage:
        """A message; without a session, the first of a new one."""
        return PostMessage(
            user_id=self.user_id,
            session_id=session_id or new_id(),
            message_id=message_id or new_id(),
            text=text,
            agent_id=agent_id,
            create_session=session_id is None,
            mark_read=mark_read,
            request_hash=request_hash,
        )

    async def outcome(self, posted: PostedMessage) -> PostedMessage:
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

    async def say(self, text: str, session_id: UUID | None = None) -> PostedMessage:
        """Post, and wait for the end of the turn."""
        return await self.outcome(await self.ask(self.post(text, session_id)))


@pytest.fixture
async def chat(
    new_database: Callable[[], str], nats_url: str
) -> AsyncGenerator[RunningChat]:
    simulator = await start_simulator()
    common = {"NATS_URL": nats_url, "LINGXI_INTERNAL_PORT": 0}
    of_agent = AgentSettings.model_validate(common | {"DATABASE_URL": new_database()})
    of_chat = Settings.model_validate(
        common
        | {
            "DATABASE_URL": new_database(),
            "OPENAI_BASE_URL": f"{simulator.url}/v1",
            "OPENAI_MODEL": "simulated",
        }
    )
    agent_bootstrap.migrate(of_agent)
    bootstrap.migrate(of_chat)
    stop = Stop()
    async with AsyncExitStack() as stack:
        stack.push_async_callback(simulator.close)
        await stack.enter_async_context(agent_bootstrap.start(of_agent, stop))
        await stack.enter_async_context(bootstrap.start(of_chat, stop))
        nats = await stack.enter_async_context(connect(nats_url, "tester"))
        pool = await stack.enter_async_context(open_pool(of_chat.database_url, POOL_SIZE))
        yield RunningChat(RpcClient(nats), pool, of_chat, simulator)
        assert not stop.failed
