"""Somebody who will go, and has left a text of their own in every place there is."""

from dataclasses import dataclass

from tests.e2e.client import PASSWORD, Json, User, connection, log_in
from tests.e2e.searching import OWNERS, count, open_erasures
from tests.e2e.silence import silence
from tests.fixtures.system import RunningSystem
from tests.fixtures.waiting import eventually

ERASED_SECONDS_MAX = 180.0
"""Until nothing is left to erase: the relays' checkpoints, the job's pauses, a restart."""

CONCLUDED_SECONDS_MAX = 60.0
REVIEWED_MESSAGES = 20
"""With so many, somebody looks whether the personality should adapt; a summary comes earlier."""


@dataclass(frozen=True)
class Leaver:
    """A user whose name, address, agents, titles and messages all hold `marker`."""

    user: User
    user_id: str
    marker: str
    agent_ids: tuple[str, ...]
    session_ids: tuple[str, ...]

    async def leave(self) -> None:
        """`DELETE /api/me/`."""
        left = await self.user.http.request("DELETE", "/api/me/", json={"password": PASSWORD})
        assert left.status_code == 204, left.text
        assert left.content == b""


async def registered(system: RunningSystem, marker: str) -> tuple[User, str]:
    """A user whose name and address hold the marker, logged in; and their id."""
    body = {"username": marker, "password": PASSWORD, "email": f"{marker}@example.org"}
    async with connection(system.base_url) as http:
        made = await http.post("/api/auth/register/", json=body)
        assert made.status_code == 201, made.text
        tokens = await log_in(http, marker)
    http = connection(system.base_url, tokens["access"])
    return User(http, marker, tokens["access"], tokens["refresh"]), made.json()["id"]


async def populated_with(
    system: RunningSystem, marker: str, sessions: int = 2, messages: int = 2
) -> Leaver:
    """Somebody with two agents, sessions, and messages that the agents answered."""
    user, user_id = await registered(system, marker)
    agents: list[Json] = []
    for number in range(2):
        body = {
            "name": f"{marker} agent {number}",
            "parameters": {"personality_prompt": f"{marker} is calm.", "own": f"{marker} own"},
        }
        agents.append(await user.send("POST", "/api/agents/", body, 201))
        prompt = {"personality_prompt": f"{marker} is calmer."}
        await user.send("PUT", f"/api/agents/{agents[-1]['id']}/personality/", prompt)
    session_ids: list[str] = []
    for number in range(sessions):
        agent_id = agents[number % 2]["id"]
        said = await user.say(f"{marker} says hello", agent_id=agent_id)
        session_ids.append(said["session_id"])
        for more in range(messages - 1):
            await user.say(f"{marker} says {more}", session_id=session_ids[-1])
        title = {"title": marker}
        await user.send("PATCH", f"/api/sessions/{session_ids[-1]}/", title)
    agent_ids = tuple(agent["id"] for agent in agents)
    return Leaver(user, user_id, marker, agent_ids, tuple(session_ids))


async def accompany(system: RunningSystem, leaver: Leaver) -> None:
    """Have the first agent conclude all it can from the first session, and write first in it."""
    user, agent_id, session_id = leaver.user, leaver.agent_ids[0], leaver.session_ids[0]
    wishes = {"parameters": {"auto_apply_confidence": None, "proactive_behavior": "aggressive"}}
    await user.send("PATCH", f"/api/agents/{agent_id}/", wishes)
    said = (f"My dog is called {leaver.marker}.", f"Please be more like {leaver.marker}.")
    while len(await user.messages(session_id)) < REVIEWED_MESSAGES:
        for text in said:
            await user.say(text, session_id=session_id)

    async def concluded() -> bool:
        summary = (await user.get(f"/api/sessions/{session_id}/summary/"))["summary"]
        memories = await user.get(f"/api/agents/{agent_id}/memories/")
        waiting = await user.get(f"/api/sessions/{session_id}/personality-suggestion/")
        return all(leaver.marker in str(found) for found in (summary, memories, waiting))

    await eventually(concluded, CONCLUDED_SECONDS_MAX)
    await silence(system, user, session_id)


async def erased(system: RunningSystem, user_id: str) -> None:
    """Wait until every owner has heard of a user's deletion, and nothing is left to erase."""

    def all_heard() -> bool:
        heard = "select count(*) from erased_users where user_id = %(user)s"
        user = {"user": user_id}
        living = "select count(*) from streams where user_id = %(user)s and state is not null"
        return all(
            count(system, owner, heard, user) == 1 and count(system, owner, living, user) == 0
            for owner in OWNERS
        )

    await eventually(lambda: all_heard() and open_erasures(system) == 0, ERASED_SECONDS_MAX)
