"""`lingxi rebuild`: what was lost from a read model, or a snapshot, comes back from the log."""

import asyncio

import psycopg
import pytest

from clients.cli.tests.calling import Person
from clients.cli.tests.conftest import Lingxi
from tests.fixtures.system import RunningSystem
from tests.fixtures.waiting import eventually


def test_a_read_model_is_whole_again(lingxi: Lingxi, person: Person, system: RunningSystem) -> None:
    """Guards `rebuild`: rows that the log has are there again, in the running service."""
    session_id = person.say("kept")["session_id"]
    path = f"/api/sessions/{session_id}/messages/"
    got = person.get(path)
    assert got.status_code == 200, got.text
    before = got.json()["results"]
    with psycopg.connect(system.local.servers.database_urls["chat"]) as database:
        database.execute("delete from messages where session_id = %s", [session_id])
    assert person.get(path).json()["results"] == []
    rebuilt = lingxi("rebuild", "chat")
    assert rebuilt.code == 0, rebuilt.err
    assert rebuilt.lines[0].startswith("chat: messages, sessions, summaries from ")
    assert person.get(path).json()["results"] == before


def test_every_owner_rebuilds(lingxi: Lingxi, person: Person) -> None:
    """Guards the wiring of the others."""
    assert lingxi("rebuild", "agent").lines[0].startswith("agent: agents, memories, ")
    assert lingxi("rebuild", "gateway").lines[0].startswith("gateway: users ")
    assert lingxi("rebuild", "scheduler").lines[0].startswith("scheduler: ")
    assert person.log_in().status_code == 200
    assert lingxi("rebuild", "gateway", "--snapshots").lines[1].startswith("0 snapshots ")


@pytest.mark.parametrize(("owner", "others"), [("chat", 2), ("agent", 1), ("scheduler", 3)])
def test_what_others_told_is_heard_again(
    lingxi: Lingxi, system: RunningSystem, owner: str, others: int
) -> None:
    """Guards that each service may read the logs that its tables derive from."""
    heard = "select count(*) from heard_logs where done and round > %s"
    url = system.local.servers.database_urls[owner]
    with psycopg.connect(url, autocommit=True) as database:
        rounds = database.execute("select max(round) from heard_logs").fetchone()
        assert lingxi("rebuild", owner).code == 0
        asyncio.run(eventually(lambda: database.execute(heard, rounds).fetchone() == (others,)))


def test_a_snapshot_is_put_right(lingxi: Lingxi, person: Person, system: RunningSystem) -> None:
    """Guards `--snapshots`: what commands decide on is what the log says."""
    agent_id = person.post("/api/agents/", {"name": "a"}).json()["id"]
    state = "select state::text from streams where stream_id = %s"
    with psycopg.connect(system.local.servers.database_urls["agent"], autocommit=True) as database:
        right = database.execute(state, [agent_id]).fetchone()
        spoil = "update streams set state = state || %s::jsonb where stream_id = %s"
        database.execute(spoil, ['{"name": "b"}', agent_id])
        assert database.execute(state, [agent_id]).fetchone() != right
        assert lingxi("rebuild", "agent", "--snapshots").lines[1].startswith("1 snapshots ")
        assert database.execute(state, [agent_id]).fetchone() == right


def test_an_owner_has_to_be_named(lingxi: Lingxi) -> None:
    """Guards the exit code 2."""
    assert lingxi("rebuild").complained(2, "OWNER")
    assert lingxi("rebuild", "summarizer").complained(2, "invalid choice")
