"""Backup under load, and restore into an empty installation with secrets of its own.

The log of the restored one begins with that of the first, event for event, and holds all that was
told before the backup began; what came after its moment is not in it. Its streams are filled again,
its users log in with their passwords, and repeat what they said: it is there once.
"""

import asyncio
import subprocess
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial

import psycopg

from lingxi_local.databases import OWNERS
from tests.chaos import posting, reading
from tests.chaos.posting import Post
from tests.chaos.somebody import Somebody
from tests.containers.project import NO_LIMITS, Project, Tried, project
from tests.e2e.client import connection, log_in
from tests.fixtures.waiting import eventually

USERS = 6
SEED = 2
LOAD_SECONDS = 10.0
"""Before the backup, and after it."""
PUBLISHED_SECONDS_MAX = 60.0
KNOWN_SECONDS_MAX = 90.0


@dataclass(frozen=True, slots=True)
class Event:
    """One row of an owner's log."""

    stream_id: str
    version: int
    event_id: str
    type: str
    data: str | None


type Log = list[Event]


async def try_restore(port: int, _seconds: float) -> Tried:
    """Load, backup, load, restore, comparison, and all users once more."""
    with project("lingxi-try-first", port, **NO_LIMITS) as first:
        await asyncio.to_thread(first.run, "up")
        users = [Somebody(first.base_url, number, SEED) for number in range(USERS)]
        for user in users:
            await user.enter()
        stop = asyncio.Event()
        lives = [asyncio.create_task(_talk(user, stop)) for user in users]
        await asyncio.sleep(LOAD_SECONDS)
        told = {post.key for user in users for post in user.journal.posts if not post.open}
        before = {owner: read_log(first.database_url(owner)) for owner in OWNERS}
        folder = (await asyncio.to_thread(first.run, "backup")).strip()
        await asyncio.sleep(LOAD_SECONDS)
        stop.set()
        await asyncio.gather(*lives)
        after = {owner: read_log(first.database_url(owner)) for owner in OWNERS}
        first.compose("stop")
        with project("lingxi-try-restored", port + 10, **NO_LIMITS) as restored:
            await asyncio.to_thread(restored.run, "restore", folder)
            findings = [
                finding
                for owner in OWNERS
                for finding in compare(
                    owner, before[owner], after[owner], read_log(restored.database_url(owner))
                )
            ]
            findings += await asyncio.to_thread(_overwritten, restored, folder)
            findings += await _refilled(restored)
            findings += await _go_on(restored, users, told)
    figures = (
        f"{sum(map(len, before.values()))} events before the backup, "
        f"{sum(map(len, after.values()))} at the end; {len(told)} posts told before it"
    )
    return Tried(figures, findings)


async def _talk(me: Somebody, stop: asyncio.Event) -> None:
    while not stop.is_set():
        await posting.say(me)


def read_log(database_url: str) -> Log:
    """All of an owner's, by stream and version."""
    with psycopg.connect(database_url) as connection:
        rows = connection.execute(
            "select stream_id::text, version, event_id::text, type, data::text from events"
            " order by stream_id, version"
        ).fetchall()
    return [Event(*row) for row in rows]


def compare(owner: str, before: Log, after: Log, restored: Log) -> Iterable[str]:
    """Each restored stream begins as the first did, as far as it was backed up, and no further."""
    first, again = _by_stream(after), _by_stream(restored)
    for stream_id, events in _by_stream(before).items():
        if again.get(stream_id, [])[: len(events)] != events:
            yield f"{owner} {stream_id}: what was there before the backup is not there"
    for stream_id, events in again.items():
        once = first.get(stream_id, [])
        same = next(
            (n for n, (a, b) in enumerate(zip(events, once, strict=False)) if a != b),
            min(len(events), len(once)),
        )
        known = {event.event_id for event in once}
        # What it did since then is new.
        if any(event.event_id in known for event in events[same:]):
            yield f"{owner} {stream_id}: differs from event {same + 1} on"
        if [event.version for event in events] != list(range(1, len(events) + 1)):
            yield f"{owner} {stream_id}: versions have gaps"


def _by_stream(log: Log) -> dict[str, list[Event]]:
    found: dict[str, list[Event]] = defaultdict(list)
    for event in log:
        found[event.stream_id].append(event)
    return found


def _overwritten(restored: Project, folder: str) -> list[str]:
    """A restore over what is live must not begin."""
    try:
        restored.run("restore", folder)
    except subprocess.CalledProcessError:
        return []
    return ["a running installation was restored over"]


async def _refilled(restored: Project) -> list[str]:
    """Every stream holds its log."""
    nats_url = restored.nats_url("operator")
    findings: list[str] = []
    for owner in OWNERS:

        async def is_full(owner: str = owner) -> bool:
            stream = await reading.read_stream(nats_url, f"{owner.upper()}_EVENTS")
            log = read_log(restored.database_url(owner))
            return sorted(str(one.id) for one in stream) == sorted(one.event_id for one in log)

        try:
            await eventually(is_full, PUBLISHED_SECONDS_MAX)
        except TimeoutError:
            findings.append(f"{owner}: its stream is not its log")
    return findings


async def _go_on(restored: Project, users: Sequence[Somebody], told: set[str]) -> list[str]:
    """Everybody logs in, repeats all they ever said, and finds it once."""
    findings: list[str] = []
    sessions = reading.read_chat(restored.database_url("chat")).messages.keys()
    for user in users:
        async with connection(restored.base_url) as anyone:
            access = (await log_in(anyone, user.journal.username))["access"]
        user.http = connection(restored.base_url, access)
        for post in user.journal.posts:
            post.told = "unknown"
            if post.key not in told:  # it may be said for the first time here
                post.message_id, post.in_session, post.answer = None, None, {}
            if post.session_id not in sessions:
                post.session_id = None
            await eventually(partial(_repeat, user, post), KNOWN_SECONDS_MAX)
        await user.http.aclose()
        findings += user.journal.complaints
    messages = reading.read_chat(restored.database_url("chat")).messages
    kept = Counter(row[3] for rows in messages.values() for row in rows if row[2] == "user")
    said = [post.text for user in users for post in user.journal.posts]
    return findings + [f"{text!r}: {kept[text]} times" for text in said if kept[text] != 1]


async def _repeat(user: Somebody, post: Post) -> bool:
    await posting.post(user, post)
    return not post.open
