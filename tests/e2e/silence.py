"""A companion that writes first: an hour without a word goes by at once."""

from uuid import UUID

import psycopg

from tests.e2e.client import Json, User
from tests.fixtures.system import RunningSystem
from tests.fixtures.waiting import eventually

HEARD_SECONDS_MAX = 60.0
AN_HOUR_AGO = """
    update watches
    set last_user_at = last_user_at - interval '1 hour', due_at = due_at - interval '1 hour',
        last_agent_at = last_agent_at - interval '1 hour'
    where session_id = %s and due_at is not null and last_agent_seq = %s and not turn_open
"""


async def silence(system: RunningSystem, user: User, session_id: str) -> Json:
    """An hour passes without a word: what the agent says then."""
    session = await user.session(session_id)
    url = system.local.servers.database_urls["scheduler"]
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as scheduler:
        newest = [UUID(session_id), session["last_message"]["seq"]]

        async def has_passed() -> bool:  # once all of the talk was heard of
            return (await scheduler.execute(AN_HOUR_AGO, newest)).rowcount == 1

        await eventually(has_passed, HEARD_SECONDS_MAX)
    agent = f"/api/agents/{session['agent_configuration']}/"
    await user.send("PATCH", agent, {"timings": {"inactivity_check_minutes": 1}})
    written: list[Json] = []

    async def wrote() -> bool:
        written[:] = [one for one in await user.messages(session_id) if one["is_agent_growth"]]
        return bool(written)

    await eventually(wrote, HEARD_SECONDS_MAX)
    return written[0]
