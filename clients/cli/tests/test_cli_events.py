"""`lingxi events`: everything that happens, filtered, followed, and filled in again."""

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import IO, Any

import nats

from clients.cli.tests.calling import Person
from clients.cli.tests.conftest import Lingxi, published
from tests.fixtures.system import RunningSystem

LINE_SECONDS_MAX = 30.0


def told(lingxi: Lingxi, *options: str) -> list[dict[str, Any]]:
    """The envelopes that `tail` shows, without following, once all that was logged is published."""
    published(lingxi)
    shown = lingxi("events", "tail", "--no-follow", "--json", *options)
    assert shown.code == 0, shown.err
    return [json.loads(line) for line in shown.lines]


def names(events: list[dict[str, Any]]) -> list[str]:
    return [event["type"].partition(".")[0] for event in events]


def test_events_are_filtered(lingxi: Lingxi, person: Person) -> None:
    """Guards each filter: by owner, user, stream, type and time."""
    session_id = person.say("hello")["session_id"]
    person.say("hello again", session_id)
    mine = ("--user", str(person.user_id))
    assert set(names(told(lingxi, "--since", "1h", "--owner", "gateway", *mine))) == {
        "user_registered"
    }
    of_session = told(lingxi, "--since", "all", "--stream", session_id)
    assert {event["subject"] for event in of_session} == {session_id}
    assert [int(event["sequence"]) for event in of_session] == list(range(1, len(of_session) + 1))
    posted = told(lingxi, "--since", "10m", "--type", "message_posted", *mine)
    assert [event["data"]["text"] for event in posted] == ["hello", "hello again"]
    after = told(lingxi, "--since", posted[1]["time"], "--type", "message_posted", *mine)
    assert [event["data"]["text"] for event in after] == ["hello again"]
    assert told(lingxi, *mine) == []  # from now on there is nothing yet
    assert told(lingxi, "--since", "all", "--owner", "agent", "--type", "turn_failed") == []


def test_events_are_readable_and_steer_no_terminal(lingxi: Lingxi, person: Person) -> None:
    """Guards the plain form: one line an event, whatever a user wrote."""
    text = "你好\n\x1b[31mred\x9b2J"
    session_id = person.say(text)["session_id"]
    published(lingxi)
    shown = lingxi("events", "tail", "--since", "all", "--no-follow", "--stream", session_id)
    [line] = [line for line in shown.lines if " message_posted " in line]
    assert f"user {person.user_id} stream {session_id} #2" in line
    assert "你好" in line
    assert shown.out.replace("\n", "").isprintable()


@contextmanager
def following(system: RunningSystem, *options: str) -> Generator[IO[str]]:
    """The output of a `tail` in a process of its own, ended as by Ctrl-C."""
    argv = [sys.executable, "-m", "lingxi_cli", "events", "tail", "--json", *options]
    data_dir = system.local.data_places[0]
    env = {"LINGXI_DATA_DIR": str(data_dir), "PATH": "/usr/bin:/bin"}
    with subprocess.Popen(
        argv,
        env=env,
        cwd="/",
        stdout=subprocess.PIPE,
        text=True,
        # Where the tests run in the background, a shell has them ignore it, and so their children.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
    ) as process:
        assert process.stdout is not None
        try:
            yield process.stdout
            process.send_signal(signal.SIGINT)
            assert process.wait(20) == 130
        finally:
            process.kill()


async def test_a_tail_goes_on_through_a_restart_of_nats(
    person: Person, system: RunningSystem
) -> None:
    """Guards following: nothing is lost or shown twice where the server was killed."""
    session_id = person.say("before")["session_id"]
    mine = ("--since", "all", "--type", "message_posted", "--user", str(person.user_id))
    with following(system, *mine) as lines:
        assert await next_text(lines) == "before"
        await system.kill("nats")
        person.say("after", session_id)
        person.say("and on", session_id)
        assert await next_text(lines) == "after"
        assert await next_text(lines) == "and on"


async def next_text(lines: IO[str]) -> str:
    """The text of the next message shown."""
    async with asyncio.timeout(LINE_SECONDS_MAX):
        line = await asyncio.to_thread(lines.readline)
    return json.loads(line)["data"]["text"]


def test_republish_fills_a_stream_again(
    lingxi: Lingxi, person: Person, system: RunningSystem
) -> None:
    """Guards healing on request: what the stream lost is there again, in order. Agent's, whose log
    is short: other tests have made chat's long."""
    person.say("hello")
    of_person = ("--since", "all", "--owner", "agent", "--user", str(person.user_id))
    before = told(lingxi, *of_person)
    assert names(before)[0] == "agent_created"
    subject = f"agent.event.agent_created.{person.user_id}.{before[0]['subject']}"
    asyncio.run(lose(system.local.servers.nats_admin_url, subject))
    assert told(lingxi, *of_person) == before[1:]
    filled_at = datetime.now(UTC).isoformat()
    filled = lingxi("events", "republish", "agent")
    assert filled.code == 0, filled.err
    said = "agent: the stream holds all of the log that it keeps"
    assert filled.lines[-1] == said, lingxi("status").out
    assert told(lingxi, *of_person)[: len(before)] == before
    news = told(lingxi, *of_person, "--since", filled_at)
    assert not [event for event in news if event in before]


async def lose(admin_url: str, subject: str) -> None:
    """Have the stream lose a message, as no disk should."""
    async with await nats.connect(admin_url) as client:
        stream = client.jetstream()
        lost = await stream.get_msg("AGENT_EVENTS", subject=subject)
        assert lost.seq is not None
        assert await stream.delete_msg("AGENT_EVENTS", lost.seq)


def test_longer_ago_than_time_is_since_the_beginning(lingxi: Lingxi, person: Person) -> None:
    # Not marked as read, which would be noted in between.
    answer = person.post("/api/chat/", {"message": "hello", "mark_read": False})
    of_session = ("--stream", answer.json()["session_id"])
    beginning = told(lingxi, "--since", "all", *of_session)
    assert beginning
    assert told(lingxi, "--since", "999999d", *of_session) == beginning


def test_what_is_not_understood_says_so(lingxi: Lingxi) -> None:
    """Guards the exit code 2."""
    assert lingxi("events").complained(2, "COMMAND")
    assert lingxi("events", "tail", "--type", "nonsense").complained(2, "message_posted")
    assert lingxi("events", "tail", "--since", "yesterday").complained(2, "10m")
    beyond = "0001-01-01T00:00+14:00"
    assert lingxi("events", "tail", "--since", beyond).complained(2, beyond)
    assert lingxi("events", "tail", "--user", "lin").complained(2, "UUID")
    assert lingxi("events", "tail", "--owner", "summarizer").complained(2, "invalid choice")
    assert lingxi("events", "republish").complained(2, "OWNER")
    assert lingxi("events", "republish", "summarizer").complained(2, "invalid choice")
