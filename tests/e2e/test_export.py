"""The export: all that is shown, in one document, never held whole; or visibly broken off."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, replace
from http import HTTPStatus
from uuid import UUID

import httpx
import pytest
import pytest_asyncio

from benchmarks.loading import Wanted, load_sessions, rebuild
from lingxi_chassis.clock import monotonic
from tests.e2e.client import Json, NewUser, User, connection, new_user, problem
from tests.e2e.processes import forget_peak_memory, frozen, peak_memory_bytes
from tests.e2e.world import World, populated
from tests.fixtures.system import RunningSystem
from tests.fixtures.waiting import eventually

LONG_SESSION_MESSAGES = 20_000
GROWTH_BYTES_MAX = 6 * 1024 * 1024
"""Of the gateway's memory by an export that is longer than this."""
EXPORT = "/api/export/"
WAITED_SECONDS = 7.0
"""An owner that is away for less is waited for: three times the grace of a request, and pauses."""
RESTARTS_MAX = 5


@dataclass(frozen=True)
class Talker:
    """A user with one very long session."""

    user: User
    session_id: str


@pytest.fixture
async def world(users: NewUser) -> World:
    """Somebody who has something of everything."""
    return await populated(await users())


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def loaded(system: RunningSystem) -> Talker:
    """Made once: loading takes a while. Not connected."""
    async with new_user(system.base_url) as user:
        agent = await user.create_agent()
        me = await user.get("/api/me/")
    wanted = Wanted(UUID(me["id"]), UUID(agent["id"]), LONG_SESSION_MESSAGES)
    url = system.local.servers.database_urls["chat"]
    (session_id,) = await load_sessions(url, [wanted])
    await rebuild(url)
    return Talker(user, str(session_id))


@pytest.fixture
async def talker(system: RunningSystem, loaded: Talker) -> AsyncIterator[Talker]:
    async with connection(system.base_url, loaded.user.access) as http:
        yield replace(loaded, user=replace(loaded.user, http=http))


async def shown(user: User) -> Json:
    """What the API shows of everything, in the export's shape."""
    agents: list[Json] = (await user.get("/api/agents/"))["results"]
    for agent in agents:
        history = await user.get(f"/api/agents/{agent['id']}/personality/history/")
        agent["personality_history"] = history["results"]
        memories = await user.get(f"/api/agents/{agent['id']}/memories/")
        agent["memories"] = memories["results"]
    sessions: list[Json] = (await user.get("/api/sessions/"))["results"]
    for session in sessions:
        session["messages"] = await user.messages(session["id"])
        decided = await user.get(f"/api/sessions/{session['id']}/proactive/")
        session["decisions"] = decided["results"]
        waiting = await user.get(f"/api/sessions/{session['id']}/personality-suggestion/")
        session["personality_suggestions"] = [
            waiting["suggestion"] for _ in range(waiting["has_suggestion"])
        ]
    return {
        "account": await user.get("/api/me/"),
        "agents": agents,
        "sessions": list(reversed(sessions)),
    }


async def test_it_holds_all_that_is_shown(world: World) -> None:
    user = world.user
    await user.send("PATCH", "/api/me/", {"email": "lin@example.org", "timezone": "Asia/Shanghai"})
    for number in range(3):
        prompt = {"personality_prompt": f"You are calm, {number} times over. 你好 \u2028"}
        await user.send("PUT", f"/api/agents/{world.agent_id}/personality/", prompt)
    await user.send("PATCH", f"/api/sessions/{world.session_id}/", {"title": 'A "title"\n'})
    for number in range(25):  # more than a page of sessions
        await user.say(f"session {number}", mark_read=number % 2 == 0)
    expected = await shown(user)
    answer = await user.http.get(EXPORT)
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["content-disposition"] == 'attachment; filename="lingxi-export.json"'
    exported = answer.json()
    assert exported.pop("exported_at").endswith("Z")
    assert exported == expected
    assert [one["is_read"] for one in exported["sessions"][0]["messages"]] == [True, False]
    assert len(exported["agents"][0]["personality_history"]) == 4


async def test_it_is_empty_for_somebody_new(user: User) -> None:
    exported = await user.get(EXPORT)
    assert exported["agents"] == []
    assert exported["sessions"] == []
    assert exported["account"] == await user.get("/api/me/")


async def test_a_long_session_takes_no_more_memory(system: RunningSystem, talker: Talker) -> None:
    """Guards streaming: neither messages nor document are ever held as a whole."""
    await talker.user.get("/api/me/")
    gateway = system.pids["gateway"]
    forget_peak_memory(gateway)
    before = peak_memory_bytes(gateway)
    answer = await talker.user.http.get(EXPORT)
    growth = peak_memory_bytes(gateway) - before
    assert growth < GROWTH_BYTES_MAX < len(answer.content)
    (session,) = answer.json()["sessions"]
    assert [one["seq"] for one in session["messages"]] == [*range(1, LONG_SESSION_MESSAGES + 1)]
    assert session["message_count"] == LONG_SESSION_MESSAGES


async def read(chunks: AsyncIterator[bytes]) -> bytes:
    """What comes until the answer ends."""
    return b"".join([chunk async for chunk in chunks])


async def test_an_owner_that_goes_away_breaks_it_off(system: RunningSystem, talker: Talker) -> None:
    async with talker.user.http.stream("GET", EXPORT) as answer:
        assert answer.status_code == 200
        chunks = answer.aiter_bytes()
        first = await anext(chunks)
        assert first.startswith(b'{"exported_at":')
        with frozen(system, "chat"), pytest.raises(httpx.RemoteProtocolError):
            await read(chunks)
    await eventually(lambda: "export_broken_off" in system.output)
    exported = await talker.user.get(EXPORT)
    assert len(exported["sessions"][0]["messages"]) == LONG_SESSION_MESSAGES


@pytest.mark.parametrize("owner", ["agent", "chat", "scheduler"])
async def test_an_owner_that_is_away_from_the_start_is_a_problem(
    system: RunningSystem, world: World, owner: str
) -> None:
    with frozen(system, owner):
        problem(await world.user.http.get(EXPORT), 503, "unavailable")
    assert (await world.user.get(EXPORT))["agents"][0]["id"] == world.agent_id


async def while_restarted(system: RunningSystem, talker: Talker) -> tuple[Json | None, float]:
    """What is exported while chat is restarted, None if it broke off; the restart's seconds."""
    exported: Json | None = None
    ended_at: list[float] = []
    async with talker.user.http.stream("GET", EXPORT) as answer:
        chunks = answer.aiter_bytes()
        first = await anext(chunks)
        began_at = monotonic()
        restarting = asyncio.create_task(system.restart("chat"))
        restarting.add_done_callback(lambda _: ended_at.append(monotonic()))
        with suppress(httpx.RemoteProtocolError):
            exported = json.loads(first + await read(chunks))
        await restarting
    return exported, ended_at[0] - began_at


async def test_an_owner_that_is_restarted_is_waited_for(
    system: RunningSystem, talker: Talker
) -> None:
    for _ in range(RESTARTS_MAX):
        exported, away_seconds = await while_restarted(system, talker)
        if exported is not None:
            assert len(exported["sessions"][0]["messages"]) == LONG_SESSION_MESSAGES
            return
        assert away_seconds > WAITED_SECONDS  # too long, on a busy machine
    pytest.fail("no restart was short enough")


async def test_one_at_a_time(talker: Talker) -> None:
    """Guards the bound, and that it is let go however an export ends."""
    # All at once: one that has begun may be over, on a fast machine, before another one can ask.
    answers = await asyncio.gather(*(talker.user.http.get(EXPORT) for _ in range(4)))
    refused = [one for one in answers if one.status_code != HTTPStatus.OK]
    assert 0 < len(refused) < len(answers)
    for one in refused:
        problem(one, 429, "too_many_requests")

    async def is_let_go() -> bool:
        async with talker.user.http.stream("GET", EXPORT) as again:
            return again.status_code == 200

    await eventually(is_let_go)


async def test_what_is_deleted_meanwhile_is_left_out(talker: Talker) -> None:
    later = await talker.user.say("later")
    async with talker.user.http.stream("GET", EXPORT) as answer:
        chunks = answer.aiter_bytes()
        first = await anext(chunks)
        gone = await talker.user.http.delete(f"/api/sessions/{later['session_id']}/")
        assert gone.status_code == 204
        exported = json.loads(first + await read(chunks))
    assert [one["id"] for one in exported["sessions"]] == [talker.session_id]
