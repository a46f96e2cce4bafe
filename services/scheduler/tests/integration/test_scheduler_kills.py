"""Two scheduler processes, killed in the midst of their work: each due send once, none lost."""

import asyncio
import random
import sys
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from uuid import UUID

from lingxi_chassis.postgres import Pool, fetch_all, open_pool
from lingxi_contracts import gateway
from lingxi_contracts.chat import ReadMessages
from lingxi_local.ports import unused_port
from lingxi_scheduler import bootstrap
from services.chat.tests.component.harness import RunningChat, running_chat
from services.scheduler.tests.component.harness import scheduler_settings
from tests.fixtures.others_log import others_log
from tests.fixtures.waiting import eventually

SESSIONS = 8
KILLS = 4
NEXT_SECONDS_MAX = 120.0
DONE_SECONDS_MAX = 150.0
"""Leases of the dead, one after another, on a loaded machine."""
SEED = 7


async def silent_sessions(chat: RunningChat) -> list[UUID]:
    """Sessions of five messages and more, all read."""
    agent_id = await chat.agent(proactive_behavior="aggressive")
    sessions: list[UUID] = []
    for _ in range(SESSIONS):
        said = await chat.say("Message 1.", agent_id=agent_id)
        for number in (2, 3):
            await chat.say(f"Message {number}.", said.session_id)
        command = ReadMessages(user_id=chat.user_id, session_id=said.session_id, up_to=None)
        await chat.ask(command)
        sessions.append(said.session_id)
    return sessions


async def sends(pool: Pool) -> list[str | None]:
    """What became of each decision to write; None: it is on its way.

    A session whose events come one by one may be looked at before its fifth message.
    """
    sql = "select outcome from decisions where gate is null"
    return [row[0] for row in await fetch_all(pool, sql, {})]


@asynccontextmanager
async def replicas(environment: dict[str, str]) -> AsyncGenerator[Callable[[int], Awaitable[None]]]:
    """Two processes, and what kills one of them and starts it again."""

    async def started() -> Process:
        port = {"LINGXI_INTERNAL_PORT": str(unused_port())}
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", "lingxi_scheduler", env=environment | port, stdout=DEVNULL
        )

    processes = [await started(), await started()]

    async def kill(number: int) -> None:
        processes[number].kill()
        await processes[number].wait()
        processes[number] = await started()

    try:
        yield kill
    finally:
        for process in processes:
            if process.returncode is None:
                process.kill()
            await process.wait()


async def test_each_due_send_is_made_once_through_kills(
    new_database: Callable[[], str], nats_url: str
) -> None:
    async with (
        running_chat(new_database, nats_url) as chat,
        others_log(gateway.OWNER, new_database(), nats_url),
    ):
        sessions = await silent_sessions(chat)
        settings = scheduler_settings(new_database(), chat)
        bootstrap.migrate(settings)
        # One decision after another, each of which takes its time: kills meet all of its steps.
        await chat.model.fault("slow", contains="companion: ", delay_ms=5)
        environment = {
            "PATH": "/usr/bin:/bin",
            "NATS_URL": nats_url,
            "DATABASE_URL": settings.database_url,
            "OPENAI_BASE_URL": settings.openai_base_url,
            "OPENAI_MODEL": "simulated",
            "MODEL_CONCURRENCY": "1",
            "SCHEDULER_CHECK_INTERVAL_MINUTES": "0.02",
            "LINGXI_LOCAL": "true",
            "LINGXI_TIME_SCALE": "300",
        }
        chance = random.Random(SEED)
        async with open_pool(settings.database_url, 2) as pool, replicas(environment) as kill:
            for number in range(KILLS):
                await decided_at_least(pool, min(number + 1, SESSIONS))
                await kill(chance.randrange(2))

            async def done() -> bool:
                return await sends(pool) == ["sent"] * SESSIONS

            await eventually(done, DONE_SECONDS_MAX)
            for table in ("agent_caps", "caps"):
                assert await fetch_all(pool, f"select sum(sent) from {table}", {}) == [(SESSIONS,)]
        await each_was_written_to_once(chat, sessions)


async def decided_at_least(pool: Pool, count: int) -> None:
    async def reached() -> bool:
        return len(await sends(pool)) >= count

    await eventually(reached, NEXT_SECONDS_MAX)


async def each_was_written_to_once(chat: RunningChat, sessions: Sequence[UUID]) -> None:
    for session_id in sessions:
        written = [one for one in await chat.messages(session_id) if one.proactive]
        assert len(written) == 1, session_id
