"""What is said becomes a memory, by the model and on its own; and is forgotten, everywhere."""

from lingxi_chassis.ids import new_id
from tests.e2e.client import Json, NewUser, User, problem
from tests.e2e.searching import in_databases, in_files, in_streams, open_erasures, rewrite_tables
from tests.fixtures.system import RunningSystem
from tests.fixtures.waiting import eventually

REMEMBERED_SECONDS_MAX = 60.0
ERASED_SECONDS_MAX = 60.0
TURNS = 6
"""More than ten messages: a summary is due, and what is learned with it."""


async def memories(user: User, agent_id: str) -> list[Json]:
    """All that an agent knows."""
    return (await user.get(f"/api/agents/{agent_id}/memories/"))["results"]


async def talk(user: User, agent_id: str, marker: str) -> str:
    """Say who you are, and go on until it is remembered; the session."""
    session_id = ""
    for turn in range(TURNS):
        more = {"session_id": session_id} if session_id else {"agent_id": agent_id}
        text = f"My dog is called {marker}." if turn == 0 else f"The weather, part {turn}."
        session_id = (await user.say(text, **more))["session_id"]

    async def is_remembered() -> bool:
        return any(marker in one["text"] for one in await memories(user, agent_id))

    await eventually(is_remembered, REMEMBERED_SECONDS_MAX)
    return session_id


async def test_a_memory_from_its_talk_to_its_end(system: RunningSystem, users: NewUser) -> None:
    """Guards every place: tables, statistics, streams, files; first the memory, then the rest."""
    user, stranger = await users(), await users()
    marker = f"Biscuit{new_id().hex}"
    agent_id = (await user.create_agent())["id"]
    session_id = await talk(user, agent_id, marker)
    (known,) = [one for one in await memories(user, agent_id) if marker in one["text"]]
    said = (await user.messages(session_id))[0]
    assert known["evidence"] == [{"session_id": session_id, "message_id": said["id"]}]
    assert {"agent.memories", "agent.events"} <= in_databases(system, marker)

    path = f"/api/agents/{agent_id}/memories/{known['id']}/"
    own = f"/api/agents/{(await stranger.create_agent())['id']}/memories/{known['id']}/"
    problem(await stranger.http.delete(path), 404, "agent_not_found")
    problem(await stranger.http.delete(own), 404, "memory_not_found")
    assert (await user.http.delete(path)).status_code == 204
    problem(await user.http.delete(path), 404, "memory_not_found")
    await eventually(lambda: open_erasures(system) == 0, ERASED_SECONDS_MAX)
    assert not {place for place in in_databases(system, marker) if place.startswith("agent.")}
    assert "AGENT_EVENTS" not in await in_streams(system, marker)

    assert (await user.http.delete(f"/api/sessions/{session_id}/")).status_code == 204
    await eventually(lambda: open_erasures(system) == 0, ERASED_SECONDS_MAX)
    assert in_databases(system, marker) == set()
    assert await in_streams(system, marker) == set()
    rewrite_tables(system)
    assert await in_files(system, marker) == set()
    assert marker not in system.output


async def test_with_its_session_what_was_learned_is_gone(
    system: RunningSystem, users: NewUser
) -> None:
    user, marker = await users(), f"Toast{new_id().hex}"
    agent_id = (await user.create_agent())["id"]
    session_id = await talk(user, agent_id, marker)
    assert (await user.http.delete(f"/api/sessions/{session_id}/")).status_code == 204

    async def nothing_is_left() -> bool:
        known = await memories(user, agent_id)
        return known == [] and open_erasures(system) == 0

    await eventually(nothing_is_left, ERASED_SECONDS_MAX)
    assert in_databases(system, marker) == set()
    assert await in_streams(system, marker) == set()
