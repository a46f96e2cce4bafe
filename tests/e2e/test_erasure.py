"""Erased is erased: what a user leaves is found nowhere afterwards, and what is others' stays."""

from collections.abc import AsyncIterator
from typing import Any

import nats
import pytest

from lingxi_chassis.ids import new_id
from lingxi_contracts.subjects import dead_letter_subject
from tests.e2e.client import PASSWORD, Json, NewUser, connection, log_in, problem
from tests.e2e.leavers import (
    ERASED_SECONDS_MAX,
    Leaver,
    accompany,
    erased,
    populated_with,
    registered,
)
from tests.e2e.processes import frozen
from tests.e2e.searching import (
    count,
    in_databases,
    in_files,
    in_streams,
    messages_in,
    open_erasures,
    rewrite_tables,
)
from tests.e2e.world import World, populated
from tests.fixtures.system import RunningSystem
from tests.fixtures.waiting import eventually

TABLES = {
    "gateway.events",
    "gateway.streams",
    "gateway.users",
    "agent.agents",
    "agent.events",
    "agent.memories",
    "agent.personality_suggestions",
    "agent.personality_versions",
    "agent.streams",
    "chat.agents",
    "chat.events",
    "chat.messages",
    "chat.sessions",
    "chat.streams",
    "chat.summaries",
    "scheduler.decisions",
    "scheduler.events",
}
"""Where a user's texts are while they are here, and all of where they are."""
STREAMS = {"GATEWAY_EVENTS", "AGENT_EVENTS", "CHAT_EVENTS", "SCHEDULER_EVENTS"}
RECALLED = "select count(*) from message_terms where session_id = any(%(sessions)s::uuid[])"
"""Of what is recalled there are fingerprints alone."""


@pytest.fixture
async def leaver(system: RunningSystem, marker: str) -> AsyncIterator[Leaver]:
    somebody = await populated_with(system, marker)
    yield somebody
    await somebody.user.http.aclose()


@pytest.fixture
async def bystander(users: NewUser) -> World:
    """Somebody else, who stays."""
    return await populated(await users())


async def write_letters(system: RunningSystem, user_id: str) -> None:
    """Dead letters about the user: references, as handlers write them."""
    async with await nats.connect(system.local.servers.nats_admin_url) as client:
        for handler in ("remember_user", "delete_sessions"):
            subject = dead_letter_subject("chat", handler, new_id(), new_id())
            subject = subject.replace(subject.split(".")[3], user_id)
            await client.jetstream().publish(subject, b"{}")


async def letters_of(system: RunningSystem, user_id: str) -> int:
    letters = (await messages_in(system)).get("DEAD_LETTERS", [])
    return sum(user_id in subject for subject, _ in letters)


async def told_of(system: RunningSystem, user_id: str) -> dict[str, list[str]]:
    """The names of the events about a user, by stream."""
    return {
        stream: sorted(subj.split(".")[2] for subj, _ in messages if f".{user_id}." in subj)
        for stream, messages in (await messages_in(system)).items()
        if stream in STREAMS
    }


async def kept(world: World) -> tuple[Json, Json]:
    """All that somebody is shown, and all that they would take along."""
    exported = await world.user.get("/api/export/")
    del exported["exported_at"]
    return await world.shown(), exported


async def test_nothing_of_a_deleted_user_is_found(
    system: RunningSystem, leaver: Leaver, bystander: World
) -> None:
    """Guards every place: tables, statistics, streams, live signals, letters, log lines,
    files; and the search, which has found the text in each of them."""
    refused = await leaver.user.http.post("/api/agents/", json={"name": f"{leaver.marker} agent 0"})
    problem(refused, 409, "agent_name_taken")
    await accompany(system, leaver)
    await write_letters(system, leaver.user_id)
    before = await kept(bystander)
    rewrite_tables(system)
    found = in_databases(system, leaver.marker)
    assert found == TABLES
    assert not {place for place in found if "pg_stats" in place}
    assert await in_streams(system, leaver.marker) == {*STREAMS, "CHAT_LIVE"}
    assert {"postgres", "nats"} <= await in_files(system, leaver.marker)
    assert await letters_of(system, leaver.user_id) == 2
    recalled = {"sessions": list(leaver.session_ids)}
    assert count(system, "chat", RECALLED, recalled) > 0

    await leaver.leave()
    await erased(system, leaver.user_id)

    assert in_databases(system, leaver.marker) == set()
    assert await in_streams(system, leaver.marker) == set()
    assert await letters_of(system, leaver.user_id) == 0
    assert count(system, "chat", RECALLED, recalled) == 0
    assert leaver.marker not in system.output
    assert await told_of(system, leaver.user_id) == {
        "GATEWAY_EVENTS": ["user_deleted"],
        "AGENT_EVENTS": [*["agent_deleted"] * len(leaver.agent_ids), "memory_forgotten"],
        "CHAT_EVENTS": ["session_deleted"] * len(leaver.session_ids),
        "SCHEDULER_EVENTS": ["watch_ended"],
    }
    rewrite_tables(system)
    assert await in_files(system, leaver.marker) == set()
    assert await kept(bystander) == before


async def test_tokens_end_and_the_name_is_free(system: RunningSystem, leaver: Leaver) -> None:
    me = "/api/me/"
    wrong = await leaver.user.http.request("DELETE", me, json={"password": "not this one"})
    problem(wrong, 403, "password_wrong")
    await leaver.leave()
    problem(await leaver.user.http.get(me), 401, "token_invalid")
    again = await leaver.user.http.request("DELETE", me, json={"password": PASSWORD})
    problem(again, 401, "token_invalid")
    problem(await leaver.user.http.get("/api/export/"), 401, "token_invalid")
    async with connection(system.base_url) as http:
        refresh = await http.post("/api/auth/refresh/", json={"refresh": leaver.user.refresh})
        problem(refresh, 401, "token_invalid")
        login = {"username": leaver.marker, "password": PASSWORD}
        problem(await http.post("/api/auth/login/", json=login), 401, "credentials_invalid")
    namesake, namesake_id = await registered(system, leaver.marker)
    async with namesake.http:
        assert namesake_id != leaver.user_id
        await erased(system, leaver.user_id)
        assert (await namesake.get(me))["id"] == namesake_id
        assert (await namesake.get("/api/sessions/"))["count"] == 0
        assert (await namesake.get("/api/agents/"))["count"] == 0
        assert (await log_in(namesake.http, leaver.marker))["access"]


async def nothing_left(system: RunningSystem, text: str) -> None:
    """Wait until nothing is left to erase, and a text is in no table and stream."""
    await eventually(lambda: open_erasures(system) == 0, ERASED_SECONDS_MAX)
    assert in_databases(system, text) == set()
    assert await in_streams(system, text) == set()


async def test_a_deleted_session_and_a_deleted_agent(
    system: RunningSystem, bystander: World, marker: str
) -> None:
    """Guards what is not an account: other sessions and agents of the user stay as they are."""
    user = bystander.user
    said = await user.say(f"{marker} in a session", agent_id=bystander.agent_id)
    agent = await user.send("POST", "/api/agents/", {"name": f"{marker} agent"}, 201)
    with_agent = await user.say(f"{marker} to an agent", agent_id=agent["id"])
    assert {"chat.events", "chat.messages", "agent.events"} <= in_databases(system, marker)
    gone = await user.http.delete(f"/api/sessions/{said['session_id']}/")
    assert gone.status_code == 204
    gone = await user.http.delete(f"/api/agents/{agent['id']}/")
    assert gone.status_code == 204
    await user.gone(with_agent["session_id"])
    await nothing_left(system, marker)
    assert marker not in str(await bystander.shown())
    assert len(await user.messages(bystander.session_id)) >= 2


async def test_owners_that_stand_still_meanwhile_make_nothing_afterwards(
    system: RunningSystem, marker: str
) -> None:
    """Guards late events and commands: chat and agent hear of the user when they are gone."""
    with frozen(system, "chat"), frozen(system, "agent"):
        user, user_id = await registered(system, marker)
        async with user.http:
            zone = {"timezone": "Asia/Shanghai"}
            await user.send("PATCH", "/api/me/", zone)
            late: list[Any] = [
                await user.http.post("/api/agents/", json={"name": f"{marker} agent"}),
                await user.post_chat(f"{marker} hello"),
            ]
            assert [answer.status_code for answer in late] == [503, 503]
            await Leaver(user, user_id, marker, (), ()).leave()
    await erased(system, user_id)

    def all_heard() -> bool:
        return "chat.users" not in in_databases(system, user_id)

    await eventually(all_heard)
    await nothing_left(system, marker)
    for owner, table in (("chat", "sessions"), ("chat", "messages"), ("agent", "agents")):
        query = f"select count(*) from {table} where user_id = %(user)s"
        assert count(system, owner, query, {"user": user_id}) == 0
