"""One running scheduler a module; each test is a user of its own, and begins at the real time."""

from collections.abc import AsyncGenerator
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta

import pytest_asyncio

from lingxi_chassis.ids import new_id
from services.scheduler.tests.component.harness import RunningScheduler, running_scheduler
from tests.fixtures.servers import Servers, clean_nats, fresh_database


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_scheduler(servers: Servers) -> AsyncGenerator[RunningScheduler]:
    """Started once a module: a start costs more than most tests."""
    with ExitStack() as resources:
        nats_url = resources.enter_context(clean_nats(servers.nats_url))
        async with running_scheduler(
            lambda: resources.enter_context(fresh_database(servers.postgres_url)), nats_url
        ) as scheduler:
            yield scheduler


@pytest_asyncio.fixture(loop_scope="module")
async def scheduler(shared_scheduler: RunningScheduler) -> AsyncGenerator[RunningScheduler]:
    """The running scheduler, for a new user."""
    shared_scheduler.clock.ahead = timedelta()
    chat = replace(shared_scheduler.chat, user_id=new_id())
    yield replace(shared_scheduler, chat=chat)
    await shared_scheduler.chat.model.heal()
