"""Chat as a process of its own: killed in the midst of a turn, and stopped in good order."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import httpx
import pytest

from lingxi_agent import bootstrap as agent_bootstrap
from lingxi_agent.settings import Settings as AgentSettings
from lingxi_chassis.clock import monotonic
from lingxi_chassis.process import Stop
from lingxi_chat import bootstrap
from lingxi_contracts.envelope import Envelope
from lingxi_local.ports import unused_port
from lingxi_simulator.server import Running, start as start_simulator
from services.chat.tests.component.harness import RunningChat, chat_settings, observed
from tests.fixtures.waiting import eventually

START_SECONDS_MAX = 90.0
STOP_SECONDS_MAX = 10.0
AT_ONCE_SECONDS_MAX = 3.0


@dataclass(frozen=True)
class Processes:
    """Starts chat processes on one database, one after another or side by side."""

    environment: dict[str, str]
    ports: Callable[[], int]

    @asynccontextmanager
    async def chat(self) -> AsyncGenerator[Process]:
        """A process that is ready; killed on leaving if it still runs."""
        port = self.ports()
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "lingxi_chat",
            env=self.environment | {"LINGXI_INTERNAL_PORT": str(port)},
            stdout=asyncio.subprocess.DEVNULL,
        )
        try:
            async with httpx.AsyncClient(trust_env=False) as http:

                async def ready() -> bool:
                    assert process.returncode is None
                    try:
                        response = await http.get(f"http://127.0.0.1:{port}/health/ready")
                    except httpx.TransportError:
                        return False
                    return response.status_code == 200

                await eventually(ready, START_SECONDS_MAX)
            yield process
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()


@pytest.fixture
async def simulator() -> AsyncGenerator[Running]:
    running = await start_simulator()
    yield running
    await running.close()


@pytest.fixture
async def world(
    new_database: Callable[[], str], nats_url: str, simulator: Running
) -> AsyncGenerator[tuple[RunningChat, Processes]]:
    """Agent and the model run; chat does not yet."""
    settings = chat_settings(new_database(), nats_url, simulator)
    of_agent = AgentSettings.model_validate(
        {"NATS_URL": nats_url, "LINGXI_INTERNAL_PORT": 0, "DATABASE_URL": new_database()}
    )
    agent_bootstrap.migrate(of_agent)
    bootstrap.migrate(settings)
    environment = os.environ | {
        "DATABASE_URL": settings.database_url,
        "NATS_URL": nats_url,
        "OPENAI_BASE_URL": settings.openai_base_url,
        "OPENAI_API_KEY": "none",
        "OPENAI_MODEL": settings.openai_model,
    }
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(agent_bootstrap.start(of_agent, Stop()))
        chat = await stack.enter_async_context(observed(settings, simulator))
        yield chat, Processes(environment, unused_port)


async def test_a_turn_outlives_the_process_that_worked_on_it(
    world: tuple[RunningChat, Processes],
) -> None:
    chat, processes = world
    await chat.model.fault("hang", contains="kill me", times=1)
    async with processes.chat() as process:
        posted = await chat.ask(chat.post("kill me"))
        await chat.model.asked("kill me")
        process.kill()
        await process.wait()

    assert "message_posted" in await chat.logged(posted.session_id)
    await chat.expire_lease(posted.session_id)
    async with processes.chat():
        outcome = await chat.outcome(posted)
    assert (outcome.status, outcome.turn_id) == ("answered", posted.turn_id)
    ends = [data for name, data in await chat.events(posted.session_id) if name == "turn_completed"]
    assert [end["attempt"] for end in ends] == [2]


async def test_a_process_told_to_stop_ends_its_turn_and_publishes_it(
    world: tuple[RunningChat, Processes],
) -> None:
    chat, processes = world
    await chat.model.fault("hang", contains="last words", times=1, seconds=0.5)
    async with processes.chat() as process:
        posted = await chat.ask(chat.post("last words"))
        await chat.model.asked("last words")
        told_at = monotonic()
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0
        assert monotonic() - told_at < STOP_SECONDS_MAX

    logged = await chat.logged(posted.session_id)
    assert logged[-1] == "turn_completed"
    jetstream = chat.nats.jetstream()
    newest = await jetstream.get_last_msg("CHAT_EVENTS", "chat.event.>")
    event = Envelope.model_validate_json(newest.data or b"")
    assert (event.name, event.sequence) == ("turn_completed", len(logged))


async def test_an_idle_process_stops_at_once(world: tuple[RunningChat, Processes]) -> None:
    """At once: in less than a turn under way is waited for, or than a start takes here and now."""
    _, processes = world
    began_at = monotonic()
    async with processes.chat() as process:
        told_at = monotonic()
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0
        assert monotonic() - told_at < max(AT_ONCE_SECONDS_MAX, told_at - began_at)
