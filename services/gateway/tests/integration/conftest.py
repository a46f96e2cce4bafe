"""The gateway with its real neighbours in one process: chat, agent, and a model behind HTTP."""

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AsyncExitStack

import httpx
import pytest

from lingxi_agent import bootstrap as agent_bootstrap
from lingxi_agent.settings import Settings as AgentSettings
from lingxi_chassis.process import Stop
from lingxi_chat import bootstrap as chat_bootstrap
from lingxi_chat.settings import Settings as ChatSettings
from lingxi_gateway import bootstrap
from lingxi_gateway.settings import Settings
from lingxi_simulator.server import start as start_simulator
from services.gateway.tests.integration.running import MODEL, Lingxi

TIMEOUT_SECONDS = 30.0


@pytest.fixture
def gateway_settings() -> Mapping[str, object]:
    """Settings a test module wants otherwise."""
    return {}


@pytest.fixture
async def lingxi(
    new_database: Callable[[], str],
    nats_url: str,
    gateway_settings: Mapping[str, object],
) -> AsyncGenerator[Lingxi]:
    simulator = await start_simulator()
    common: dict[str, object] = {"NATS_URL": nats_url, "LINGXI_INTERNAL_PORT": 0}
    of_model = {"OPENAI_BASE_URL": simulator.base_url, "OPENAI_MODEL": MODEL}
    of_agent = AgentSettings.model_validate(common | {"DATABASE_URL": new_database()})
    of_chat = ChatSettings.model_validate(common | of_model | {"DATABASE_URL": new_database()})
    of_gateway = Settings.model_validate(
        common
        | {
            "DATABASE_URL": new_database(),
            "LINGXI_PORT": 0,
            "JWT_SECRET": "only-for-tests, and long enough for HS256",
            "OPENAI_MODEL": MODEL,
            "RATE_LIMIT_PER_IP": 0,
            "RATE_LIMIT_PER_USER": 0,
        }
        | dict(gateway_settings)
    )
    agent_bootstrap.migrate(of_agent)
    chat_bootstrap.migrate(of_chat)
    bootstrap.migrate(of_gateway)
    stop = Stop()
    async with AsyncExitStack() as stack:
        stack.push_async_callback(simulator.close)
        await stack.enter_async_context(agent_bootstrap.start(of_agent, stop))
        chat = await stack.enter_async_context(AsyncExitStack())
        await chat.enter_async_context(chat_bootstrap.start(of_chat, stop))
        port = await stack.enter_async_context(bootstrap.serving(of_gateway, stop))
        http = await stack.enter_async_context(
            httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=TIMEOUT_SECONDS)
        )
        yield Lingxi(http, simulator, chat.aclose)
        assert not stop.failed
