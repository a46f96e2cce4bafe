"""`kill -9` of an owner at any moment of an erasure: it goes on where it was, to its end.

The process is killed when its database shows how far it is.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping

import httpx
import pytest

from tests.e2e.leavers import Leaver, erased, populated_with
from tests.e2e.searching import count, in_databases, in_streams
from tests.fixtures.system import RunningSystem
from tests.fixtures.waiting import eventually

SESSIONS = 12
"""So that there is something in the middle."""
SEEN_SECONDS_MAX = 60.0


DONE = "exists (select from gone where not open)"
FAR = {
    "heard": "exists (select from erased_users where user_id = %(user)s)",
    "begun": "exists (select from gone)",
    "blanked": f"exists (select from gone where stage = 'purge') or {DONE}",
    "partly done": DONE,
}
"""How far an owner is with a user's erasure, by what its database shows then and ever after."""
TRIED = [
    ("gateway", "begun"),
    ("chat", "heard"),
    ("chat", "blanked"),
    ("agent", "begun"),
    ("agent", "partly done"),
]
"""All were, once. An event whose handler was killed comes again after half a minute."""
GONE = """
    with gone as (
        select e.stream_id is not null as open, e.stage
        from streams s left join erasures e using (stream_id)
        where s.user_id = %(user)s and s.state is null
    )
    select ({})::int"""


@pytest.fixture
async def leaver(system: RunningSystem, marker: str) -> AsyncIterator[Leaver]:
    somebody = await populated_with(system, marker, SESSIONS, messages=1)
    yield somebody
    await somebody.user.http.aclose()


async def leave(leaver: Leaver) -> None:
    """The gateway may die on it."""
    try:
        await leaver.leave()
    except httpx.TransportError:
        return


@pytest.mark.parametrize(("owner", "far"), TRIED)
async def test_an_owner_dies_in_the_middle(
    system: RunningSystem, leaver: Leaver, owner: str, far: str
) -> None:
    leaving = asyncio.create_task(leave(leaver))
    query, user = GONE.format(FAR[far]), {"user": leaver.user_id}
    await eventually(lambda: shows(system, owner, query, user), SEEN_SECONDS_MAX)
    await system.kill(owner)
    await leaving
    await erased(system, leaver.user_id)
    assert in_databases(system, leaver.marker) == set()
    assert await in_streams(system, leaver.marker) == set()


async def shows(system: RunningSystem, owner: str, query: str, params: Mapping[str, str]) -> bool:
    return await asyncio.to_thread(count, system, owner, query, params) > 0


async def test_all_die_in_the_middle(system: RunningSystem, leaver: Leaver) -> None:
    await leaver.leave()
    await system.kill("gateway", "chat", "agent", "nats", "postgres")
    await erased(system, leaver.user_id)
    assert in_databases(system, leaver.marker) == set()
    assert await in_streams(system, leaver.marker) == set()
