"""The harness as a fixture."""

from collections.abc import AsyncIterator

import pytest

from libs.chassis.tests.model.harness import Harness, harness


@pytest.fixture
async def model() -> AsyncIterator[Harness]:
    async with harness() as made:
        yield made
