"""A client with the streams beside the relay's, and a relay that saves its place at once."""

from collections.abc import AsyncIterator

import pytest
from nats.aio.client import Client

from libs.chassis.tests.erasure.erasing import create_streams
from lingxi_chassis.bus import connect


@pytest.fixture
async def nats(nats_url: str) -> AsyncIterator[Client]:
    async with connect(nats_url, "shelf") as client:
        await create_streams(client)
        yield client


@pytest.fixture(autouse=True)
def checkpoint_saved_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that tests need not wait a second for it."""
    monkeypatch.setattr("lingxi_chassis.relay.relay.SAVE_SECONDS", 0.0)
