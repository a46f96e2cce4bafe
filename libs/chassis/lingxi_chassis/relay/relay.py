"""The relay of one owner.

The log is the outbox. The stream's own sequence is the fence: the n-th row after the checkpoint is
published expecting `stream_seq + n - 1` to be the stream's last sequence, so it is stored there or
nowhere. Invariants:

1. The stream holds the log's rows in `(xid, position)` order, none twice, none missing.
2. The saved checkpoint may lag: after any doubt (start, refusal, timeout, reconnect) the stream's
   last sequence tells how many rows after it are in. So it is saved about once a second.
3. If the stream is not what the checkpoint describes (lost, recreated, ahead of the log, or with
   another event where the log has its own), it is healed: emptied, and filled again with all rows
   younger than its `max_age`, under sequences of another filling. The log wins.

One relay an owner is active, by an advisory lock; that saves work, correctness is the fence.
Source: architecture 4.
"""

import asyncio
from contextlib import suppress

import psycopg
import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from lingxi_chassis.bus import Link
from lingxi_chassis.clock import monotonic
from lingxi_chassis.connections import Connection, connect
from lingxi_chassis.relay.healing import Healing
from lingxi_chassis.relay.publish import FencedPublisher, PublishRefused
from lingxi_chassis.relay.rows import (
    Checkpoint,
    before_young_rows,
    event_id_at,
    load_checkpoint,
    read_rows,
    save_checkpoint,
    skip_rows,
)
from lingxi_chassis.relay.stream import (
    StreamLimits,
    empty,
    ensure_stream,
    event_id_in,
    stream_position,
)
from lingxi_contracts.subjects import relay_nudge

BATCH_ROWS_MAX = 500
POLL_SECONDS = 0.25
LOOK_AGAIN_SECONDS = 0.02
"""After rows came: a transaction that was open then, and whose end wakes nobody, may hide more."""
GATHER_SECONDS = 0.005
"""From being woken until rows are read: what is appended meanwhile is published with them."""
ROUND_SECONDS = 0.02
"""From one look that found rows to the next, at least: under load a batch costs hardly more than a
row, and who comes after a pause waits no longer than `GATHER_SECONDS`."""
STANDBY_SECONDS = 1.0
SILENT_SECONDS_MAX = 15.0
"""A relay that asks the database nothing for so long has been paused, and another takes over. One
that waits for NATS asks sooner: all its waits there end within ten seconds."""
SAVE_SECONDS = 1.0
CHECK_SECONDS = 10.0
RETRY_SECONDS_MAX = 2.0
FINISH_SECONDS = 1.0
"""At a stop, for what was appended last. What is not published then is at the next start."""
ADVISORY_LOCK = 0x6C787265  # any constant will do: it is per database, and an owner has its own

log = structlog.get_logger(__name__)


class Relay:
    """Publishes one owner's log. `run` goes on until cancelled; `wake` after each append."""

    def __init__(
        self,
        owner: str,
        database_url: str,
        nats: Client,
        limits: StreamLimits | None = None,
        link: Link | None = None,
    ) -> None:
        self._owner = owner
        self._url = database_url
        self._nats = nats
        self._js = nats.jetstream()
        self._limits = limits or StreamLimits()
        self._publisher = FencedPublisher(nats, owner)
        if link is not None:
            link.watch(lambda: None, self._publisher.give_up)
        self._woken = asyncio.Event()
        self._finishing: asyncio.Future[None] | None = None
        self._healing = Healing()
        self.published = 0
        self.trouble: str | None = "the relay has not started"
        """Why it does not publish at the moment; None: it does, or stands by for another."""

    def wake(self) -> None:
        """There is something to publish."""
        self._woken.set()

    async def finish(self) -> None:
        """Before `run` is cancelled: all that is appended by now is published, if it can be."""
        self._finishing = asyncio.get_running_loop().create_future()
        self.wake()
        with suppress(TimeoutError):
            async with asyncio.timeout(FINISH_SECONDS):
                await self._finishing

    async def run(self) -> None:
        """Publish until cancelled; trouble is waited out and told in `trouble`."""
        await self._publisher.open()
        await self._nats.subscribe(relay_nudge(self._owner), cb=self._nudged)
        pause = POLL_SECONDS
        while True:
            try:
                await self._serve()
            except (psycopg.Error, NatsError, OSError, TimeoutError, PublishRefused) as error:
                self.trouble = repr(error)
                log.warning("relay_interrupted", owner=self._owner, error=repr(error))
                await asyncio.sleep(pause)
                pause = min(pause * 2, RETRY_SECONDS_MAX)
            else:
                pause = POLL_SECONDS

    async def _nudged(self, message: Msg) -> None:
        self._healing.take(message)
        self.wake()

    async def _serve(self) -> None:
        """Hold the lock and publish; returns when the stream has to be looked at again."""
        async with connect(self._url, SILENT_SECONDS_MAX) as connection:
            self._healing.stand_by()
            while not await self._locked(connection):
                self.trouble = None
                self._finished(self._finishing)  # another one publishes
                await asyncio.sleep(STANDBY_SECONDS)
            self._healing.active = True
            await ensure_stream(self._js, self._owner, self._limits)
            while True:
                checkpoint = await self._reconcile(connection)
                self.trouble = None
                await self._publish(connection, checkpoint)

    def _finished(self, finishing: asyncio.Future[None] | None) -> None:
        if finishing is not None and not finishing.done():
            finishing.set_result(None)

    async def _locked(self, connection: Connection) -> bool:
        cursor = await connection.execute(
            "select pg_try_advisory_lock(%(key)s)", {"key": ADVISORY_LOCK}
        )
        row = await cursor.fetchone()
        return bool(row and row[0])

    async def _reconcile(self, connection: Connection) -> Checkpoint:
        """Where to go on: behind what the stream holds already, or from a healed stream."""
        # What was published on this connection before is processed before the stream answers.
        await self._nats.flush()
        checkpoint = await load_checkpoint(connection)
        stream = await stream_position(self._js, self._owner)
        ahead = stream.last_seq - checkpoint.stream_seq
        same = stream.created == checkpoint.stream_created
        if same and ahead >= 0 and not self._healing.asked:
            moved = await skip_rows(connection, checkpoint, ahead) if ahead else checkpoint
            if moved is not None and (not ahead or await self._holds(connection, moved)):
                await save_checkpoint(connection, moved)
                return moved
        return await self._heal(connection)

    async def _holds(self, connection: Connection, checkpoint: Checkpoint) -> bool:
        """Whether the stream's last message is the row it should be: a log restored from a backup
        and written to since may have as many rows, but others."""
        published = await event_id_in(self._js, self._owner, checkpoint.stream_seq)
        return published in (None, await event_id_at(connection, checkpoint))

    async def _heal(self, connection: Connection) -> Checkpoint:
        # A crash before the end of this must heal again, not take an empty stream for a full one.
        await save_checkpoint(connection, Checkpoint("", 0, "0", 0))
        stream = await empty(self._js, self._owner)
        xid, position = await before_young_rows(connection, self._limits.max_age_seconds)
        healed = Checkpoint(stream.created, stream.last_seq, xid, position)
        await save_checkpoint(connection, healed)
        log.info("relay_healed", owner=self._owner, stream_seq=healed.stream_seq)
        await self._healing.healed(healed.stream_seq)
        return healed

    async def _publish(self, connection: Connection, checkpoint: Checkpoint) -> None:
        """Publish what comes, until it is time to look at the stream again."""
        reconnects = self._nats.stats["reconnects"]
        check_at = monotonic() + CHECK_SECONDS
        saved = checkpoint
        saved_at = monotonic()
        rows_max = 1  # at first, so that a row that is refused is told with its own reason
        try:
            while self._nats.stats["reconnects"] == reconnects and monotonic() < check_at:
                if self._healing.asked:
                    break
                self._woken.clear()
                finishing = self._finishing
                read_at = monotonic()
                rows = await read_rows(connection, checkpoint, rows_max)
                full = len(rows) == rows_max
                if rows:
                    await self._publisher.publish(rows, checkpoint.stream_seq)
                    checkpoint = checkpoint.after(rows)
                    self.published += len(rows)
                    rows_max = BATCH_ROWS_MAX
                if saved != checkpoint and monotonic() - saved_at >= SAVE_SECONDS:
                    await save_checkpoint(connection, checkpoint)
                    saved, saved_at = checkpoint, monotonic()
                if not rows:
                    self._finished(finishing)
                if not full:
                    with suppress(TimeoutError):
                        async with asyncio.timeout(LOOK_AGAIN_SECONDS if rows else POLL_SECONDS):
                            await self._woken.wait()
                    if self._woken.is_set() and finishing is None:
                        rest = read_at + ROUND_SECONDS - monotonic() if rows else 0.0
                        await asyncio.sleep(max(GATHER_SECONDS, rest))
        finally:
            if saved != checkpoint:
                with suppress(psycopg.Error):
                    await save_checkpoint(connection, checkpoint)
