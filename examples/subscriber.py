"""A copy of everybody's messages, kept by the event streams: started late, stopped, started again.

    lingxi subscriber-url | python examples/subscriber.py copy.db

The URL has a credential that may read events and nothing else. It needs `nats-py`. What is copied
goes with its session, agent or user: whoever keeps a copy obeys deletions. `--once` ends when all
there is has been read.

How it is exact: events come at least once, in order within a `subject` (here: a session). So each
batch is written in one transaction with the place in the stream, and a `sequence` that is not newer
than what the subject has is passed over. A stream that was made anew is read from its beginning.
"""

import asyncio
import json
import sqlite3
import sys
from typing import Any
from uuid import uuid4

import nats
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.errors import NotFoundError, ServiceUnavailableError

STREAMS = ("GATEWAY_EVENTS", "CHAT_EVENTS")
BATCH_EVENTS = 200
QUIET_SECONDS = 1.0
TABLES = """
    create table if not exists places (stream text primary key, created text, seq integer);
    create table if not exists subjects (
        subject text primary key, user_id text, sequence integer, gone integer default 0);
    create table if not exists erased_users (user_id text primary key);
    create table if not exists messages (
        message_id text primary key, session_id text, user_id text, seq integer,
        author text, text text, superseded_by text);
    create index if not exists messages_session on messages (session_id);
    create index if not exists messages_user on messages (user_id);
"""


class Copy:
    """The copy, in a file of SQLite."""

    def __init__(self, path: str) -> None:
        self.db = sqlite3.connect(path)
        self.db.execute("pragma secure_delete = on")  # what is deleted is overwritten
        self.db.executescript(TABLES)

    def place(self, stream: str, created: str) -> int:
        """The sequence of the last event that was taken from this life of a stream."""
        sql = "select seq from places where stream = ? and created = ?"
        row = self.db.execute(sql, (stream, created)).fetchone()
        return row[0] if row else 0

    def take(self, stream: str, created: str, batch: list[tuple[int, dict[str, Any]]]) -> None:
        """Take some events, all or none."""
        with self.db:
            for _, event in batch:
                self._take(event)
            sql = "insert or replace into places values (?, ?, ?)"
            self.db.execute(sql, (stream, created, batch[-1][0]))

    def _take(self, event: dict[str, Any]) -> None:
        subject, user_id, sequence = event["subject"], event["userid"], int(event["sequence"])
        if not self._is_new(subject, user_id, sequence) or event["data"] is None:
            return  # a repeat, or erased
        data: dict[str, Any] = event["data"]
        match event["type"].partition(".")[0]:
            case "message_posted" | "message_sent" as name:
                author = "user" if name == "message_posted" else "agent"
                said = (data["message_id"], subject, user_id, data["seq"], author, data["text"])
                sql = "insert or replace into messages values (?, ?, ?, ?, ?, ?, null)"
                self.db.execute(sql, said)
            case "messages_superseded":
                sql = "update messages set superseded_by = ? where message_id = ?"
                by = data["by_turn_id"]
                self.db.executemany(sql, [(by, one) for one in data["message_ids"]])
            case "session_deleted":
                self.db.execute("update subjects set gone = 1 where subject = ?", (subject,))
                self.db.execute("delete from messages where session_id = ?", (subject,))
            case "user_deleted":
                self.db.execute("insert or ignore into erased_users values (?)", (user_id,))
                self.db.execute("delete from messages where user_id = ?", (user_id,))
            case _:
                pass  # what we don't copy, or don't know

    def _is_new(self, subject: str, user_id: str, sequence: int) -> bool:
        """Note the sequence; False: known, or of somebody or something that is gone."""
        sql = "select 1 from erased_users where user_id = ?"
        if self.db.execute(sql, (user_id,)).fetchone():
            return False
        sql = "select sequence, gone from subjects where subject = ?"
        known, gone = self.db.execute(sql, (subject,)).fetchone() or (0, 0)
        if gone or sequence <= known:
            return False
        sql = """insert into subjects (subject, user_id, sequence) values (?, ?, ?)
            on conflict (subject) do update set sequence = excluded.sequence"""
        self.db.execute(sql, (subject, user_id, sequence))
        return True


async def follow(js: JetStreamContext, copy: Copy, stream: str, *, once: bool) -> None:
    """Take a stream's events from where we were; `once`: until all there is has been taken."""
    while not await read(js, copy, stream, once=once):
        pass  # the server forgot the consumer, or the stream was made anew: begin again


async def read(js: JetStreamContext, copy: Copy, stream: str, *, once: bool) -> bool:
    """As `follow`, by one consumer. False: it serves no longer."""
    created = str((await js.stream_info(stream)).created)
    config = ConsumerConfig(
        name=f"copy-{uuid4().hex}",
        deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
        opt_start_seq=copy.place(stream, created) + 1,
        ack_policy=AckPolicy.NONE,
        inactive_threshold=60,
    )
    consumer = await js.add_consumer(stream, config)
    events = await js.pull_subscribe_bind(consumer.name, stream)
    try:
        while True:
            try:
                fetched = await events.fetch(BATCH_EVENTS, QUIET_SECONDS)
            except (TimeoutError, ServiceUnavailableError):
                # Nothing came; or, in a cluster, the consumer is not known everywhere yet.
                if str((await js.stream_info(stream)).created) != created:
                    return False
                if (await events.consumer_info()).num_pending == 0 and once:
                    return True
                continue
            batch = [(one.metadata.sequence.stream, json.loads(one.data)) for one in fetched]
            copy.take(stream, created, batch)
    except NotFoundError:
        return False
    finally:
        await events.unsubscribe()


async def main(path: str, url: str, *, once: bool) -> None:
    """Follow all streams."""
    copy = Copy(path)
    client = await nats.connect(url)
    js = client.jetstream()
    await asyncio.gather(*(follow(js, copy, stream, once=once) for stream in STREAMS))
    await client.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.stdin.readline().strip(), once="--once" in sys.argv))
