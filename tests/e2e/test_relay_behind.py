"""Replies don't wait for the stream: whoever posted hears the end of the turn from its owner."""

from time import perf_counter

import psycopg

from lingxi_gateway.application.post_message import CHECK_SECONDS
from tests.e2e.client import User
from tests.e2e.searching import messages_in, superuser_url
from tests.fixtures.system import RunningSystem
from tests.fixtures.waiting import eventually


async def test_a_reply_comes_while_no_relay_publishes(
    system: RunningSystem, user: User, marker: str
) -> None:
    """Guards `chat.ended`: a transaction that stays open holds back every relay of the server, and
    without it the caller would be answered when the gateway asks chat, after `CHECK_SECONDS`."""

    async def is_published(text: str) -> bool:
        stored = await messages_in(system)
        return any(text.encode() in data for _, data in stored["CHAT_EVENTS"])

    session_id = (await user.say("Hello."))["session_id"]
    with psycopg.connect(superuser_url(system, "chat")) as held:
        held.execute("select pg_current_xact_id()")
        begun = perf_counter()
        answer = await user.say(marker, session_id=session_id)
        assert perf_counter() - begun < CHECK_SECONDS / 2
        assert not await is_published(marker)
        said = [one["message"] for one in await user.messages(session_id) if one["is_agent"]]
        assert answer["response"].endswith(said[-1])
    await eventually(lambda: is_published(marker))
