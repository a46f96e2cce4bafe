"""A migrated log on a real database."""

from collections.abc import AsyncIterator

import pytest

from libs.chassis.tests.clerk import Publisher
from libs.chassis.tests.shelf import ShelfLog, create_tables, shelf_log
from lingxi_chassis.bus import connect
from lingxi_chassis.postgres import Pool, open_pool


@pytest.fixture
def log_url(database_url: str) -> str:
    """A database with the tables of the owner `shelf`."""
    create_tables(database_url)
    return database_url


@pytest.fixture
async def log_pool(log_url: str) -> AsyncIterator[Pool]:
    async with open_pool(log_url) as pool:
        yield pool


@pytest.fixture
def shelves(log_pool: Pool) -> ShelfLog:
    return shelf_log(log_pool)


@pytest.fixture
async def shop(nats_url: str) -> AsyncIterator[Publisher]:
    async with connect(nats_url, "shop") as nats:
        publisher = Publisher(nats)
        await publisher.open()
        yield publisher
