"""One running chat a module; each test is a user of its own."""

from collections.abc import AsyncGenerator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio

from lingxi_chassis.ids import new_id
from services.chat.tests.component.harness import RunningChat, running_chat
from tests.fixtures.servers import Servers, fresh_database


@pytest.fixture(scope="module")
def settings_of_module() -> dict[str, Any]:
    """What a module's chat is set to, other than usual."""
    return {}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_chat(
    servers: Servers, settings_of_module: dict[str, Any]
) -> AsyncGenerator[RunningChat]:
    """Started once a module: a start costs more than most tests."""
    with ExitStack() as databases:
        async with running_chat(
            lambda: databases.enter_context(fresh_database(servers.postgres_url)),
            servers.nats_url,
            **settings_of_module,
        ) as chat:
            yield chat
            jetstream = chat.nats.jetstream()
            streams = [info.config.name for info in await jetstream.streams_info()]
        await delete_streams(servers.nats_url, [name for name in streams if name])


async def delete_streams(nats_url: str, names: list[str]) -> None:
    """Leave nothing to the next module's services."""
    import nats

    client = await nats.connect(nats_url)
    for name in names:
        await client.jetstream().delete_stream(name)
    await client.close()


@pytest_asyncio.fixture(loop_scope="module")
async def chat(shared_chat: RunningChat) -> AsyncGenerator[RunningChat]:
    """The running chat, for a new user."""
    yield replace(shared_chat, user_id=new_id())
    await shared_chat.model.heal()
