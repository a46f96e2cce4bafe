"""What the gateway says while chat is away."""

import pytest

from services.gateway.tests.integration.running import Lingxi

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_chat_may_be_away(lingxi: Lingxi) -> None:
    user = await lingxi.user()
    await user.say("First.")
    await lingxi.stop_chat()
    assert (await user.say("Second.", 503))["code"] == "unavailable"
