"""The examples as somebody would run them, against the running system."""

import asyncio
import json
import os
import shutil
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest
from nats.js.api import StreamConfig

from examples import subscriber
from lingxi_chassis.bus import connect
from lingxi_chassis.ids import new_id
from lingxi_local.nats import RunningNats
from tests.e2e.client import NewUser, User, new_user
from tests.fixtures.clusters import stream_elsewhere, url_of
from tests.fixtures.prerequisites import missing
from tests.fixtures.system import RunningSystem
from tests.fixtures.waiting import eventually

EXAMPLES = Path(__file__).parents[2] / "examples"
SECONDS_MAX = 300.0
READS = 150
"""In a cluster: of a hundred, some three ask before the server has heard of their consumer."""


async def run(*command: str, given: str = "", **env: str) -> str:
    """What a program prints; it must succeed."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, **env},
    )
    try:
        async with asyncio.timeout(SECONDS_MAX):
            out, errors = await process.communicate(given.encode())
    except TimeoutError:
        process.kill()
        raise
    assert process.returncode == 0, errors.decode()
    return out.decode()


def of_user(system: RunningSystem, user: str) -> dict[str, str]:
    """What an example is told by its environment."""
    return {"LINGXI_URL": system.base_url, "LINGXI_USER": user}


async def said_by(system: RunningSystem, name: str) -> tuple[list[str], list[str]]:
    """What somebody who uses the examples said, and what their agent answered."""
    async with new_user(system.base_url, name) as user:
        (session,) = (await user.get("/api/sessions/"))["results"]
        messages = await user.messages(session["id"])
    return (
        [one["message"] for one in messages if one["is_user"]],
        [one["message"] for one in messages if one["is_agent"]],
    )


async def test_chat_in_python(system: RunningSystem) -> None:
    name = f"user {new_id()}"
    command = [sys.executable, str(EXAMPLES / "chat.py"), "Good morning!", "And now?"]
    printed = await run(*command, **of_user(system, name))
    said, answered = await said_by(system, name)
    assert said == ["Good morning!", "And now?"]
    lines = [line for line in printed.splitlines() if line]
    assert [line for line in lines if line.startswith("> ")] == ["> Good morning!", "> And now?"]
    shown = "\n".join(line for line in lines if not line.startswith("> "))
    assert shown == "\n".join(line for one in answered for line in one.splitlines() if line)


async def test_chat_in_javascript(system: RunningSystem) -> None:
    node = shutil.which("node")
    if node is None:
        missing("Node.js")
    name = f"user {new_id()}"
    command = [node, str(EXAMPLES / "chat.mjs"), "Good", "morning!"]
    printed = await run(*command, **of_user(system, name))
    said, answered = await said_by(system, name)
    assert said == ["Good morning!"]
    for text in answered:
        assert text in printed
    assert printed.splitlines()[-1].endswith(" ms)")


def copied(path: Path, session_id: str) -> list[tuple[str, int, str, str]]:
    """What a copy has of a session."""
    sql = """select message_id, seq, author, text from messages
        where session_id = ? and superseded_by is null order by seq"""
    with closing(sqlite3.connect(path)) as db:
        return db.execute(sql, (session_id,)).fetchall()


async def shown(user: User, session_id: str) -> list[tuple[str, int, str, str]]:
    """What the API shows of it."""
    return [
        (one["id"], one["seq"], "user" if one["is_user"] else "agent", one["message"])
        for one in await user.messages(session_id)
    ]


@pytest.fixture
def subscriber_url(system: RunningSystem) -> str:
    """As `lingxi subscriber-url` prints it."""
    return system.local.servers.nats_urls["subscriber"]


async def test_a_copy_by_the_subscriber(
    system: RunningSystem, users: NewUser, tmp_path: Path, subscriber_url: str
) -> None:
    user, leaver = await users(), await users()
    copy = tmp_path / "copy.db"
    kept, deleted = (await user.say("Keep this."))["session_id"], await user.say("Delete this.")
    gone = (await leaver.say("I shall leave."))["session_id"]
    command = [sys.executable, str(EXAMPLES / "subscriber.py"), str(copy)]

    async def has_all() -> bool:
        await run(*command, "--once", given=subscriber_url + "\n")  # started late
        return copied(copy, kept) == await shown(user, kept) and bool(copied(copy, gone))

    await eventually(has_all)
    process = await asyncio.create_subprocess_exec(*command, stdin=asyncio.subprocess.PIPE)
    assert process.stdin is not None
    process.stdin.write(f"{subscriber_url}\n".encode())
    for number in range(5):
        await user.say(f"Number {number}.", session_id=kept)
    await eventually(lambda: len(copied(copy, kept)) > 4)
    process.kill()  # in between
    await process.wait()
    await user.say("While it was away.", session_id=kept)
    await user.http.delete(f"/api/sessions/{deleted['session_id']}/")
    left = await leaver.http.request(
        "DELETE", "/api/me/", json={"password": "correct horse battery"}
    )
    assert left.status_code == 204

    async def is_the_same() -> bool:
        await run(*command, "--once", given=subscriber_url + "\n")
        left = copied(copy, gone) + copied(copy, deleted["session_id"])
        return copied(copy, kept) == await shown(user, kept) and not left

    await eventually(is_the_same)
    assert b"Delete this." not in copy.read_bytes()


async def test_a_copy_where_the_streams_are_in_a_cluster(
    nats_cluster: list[RunningNats], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscriber, "QUIET_SECONDS", 0.01)
    stream = "CHAT_EVENTS"
    said = json.dumps({"subject": "s", "userid": "u", "sequence": "1", "data": None}).encode()
    async with connect(url_of(nats_cluster[0]), "tester") as client:
        js = client.jetstream()
        far = await stream_elsewhere(js, nats_cluster, StreamConfig(stream, subjects=["told"]))
        await js.publish("told", said)
    async with connect(url_of(far), "tester") as client:
        copy = subscriber.Copy(":memory:")
        with closing(copy.db):
            for _ in range(READS):
                assert await subscriber.read(client.jetstream(), copy, stream, once=True)


async def test_the_streams_are_described(system: RunningSystem, user: User) -> None:
    described = json.loads((await user.http.get("/asyncapi")).content)
    assert described["asyncapi"] == "3.0.0"
    assert "message_posted_v1" in described["channels"]
