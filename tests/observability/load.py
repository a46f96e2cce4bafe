"""Light load, so that everything that is measured has something to measure."""

import asyncio
from http import HTTPStatus

from lingxi_chassis.clock import monotonic
from tests.e2e.client import User, new_user
from tests.fixtures.waiting import eventually

USERS = 4
PAUSE_SECONDS = 0.2
SILENCE_MINUTES = 1
BEFORE_SILENCE = ("I am new here.", "I like birds.", "I shall be away.")
"""An agent does not write first to whom it hardly knows."""
WRITTEN_SECONDS_MAX = 120.0


async def load(base_url: str, until: float) -> None:
    """Users who talk until then (`monotonic`), and one to whom the agent writes first."""
    async with new_user(base_url) as silent:
        agent = await silent.create_agent("You are curious.")
        timings = {"inactivity_check_minutes": SILENCE_MINUTES}
        await silent.send("PATCH", f"/api/agents/{agent['id']}/", {"timings": timings})
        where = {"agent_id": agent["id"]}
        for text in BEFORE_SILENCE:
            where = {"session_id": (await silent.say(text, **where))["session_id"]}
        await asyncio.gather(*(_talk(base_url, until) for _ in range(USERS)))

        async def wrote() -> bool:
            said = await silent.messages(where["session_id"])
            return any(one["is_agent_growth"] for one in said)

        await eventually(wrote, WRITTEN_SECONDS_MAX)


async def _talk(base_url: str, until: float) -> None:
    """One user's conversation, with a refusal now and then, and a deletion at last."""
    async with new_user(base_url) as user:
        agent = await user.create_agent("You are calm.")
        listening = asyncio.create_task(_listen(user))
        session: str | None = None
        while monotonic() < until:
            where = {"session_id": session} if session else {"agent_id": agent["id"]}
            session = (await user.say("What do you think of it?", **where))["session_id"]
            missing = await user.http.get(f"/api/sessions/{agent['id']}/")
            assert missing.status_code == HTTPStatus.NOT_FOUND
            await asyncio.sleep(PAUSE_SECONDS)
        listening.cancel()
        await asyncio.wait([listening])
        await user.http.delete(f"/api/sessions/{session}/")


async def _listen(user: User) -> None:
    async with user.http.stream("GET", "/api/events/") as feed:
        async for _ in feed.aiter_lines():
            pass
