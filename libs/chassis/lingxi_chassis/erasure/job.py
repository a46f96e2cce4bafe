"""The job that erases what a tombstone leaves behind.

The tombstone's append has erased the snapshot, the read models and the work rows, and put the
stream into `erasures`. Then, each step idempotent and repeated after a crash at any point:

1. blank its rows in the log;
2. once the relay has passed the tombstone, delete its events from the owner's stream, purge its
   live signals, and drop the dead letters about it;
3. once no rebuild is under way that may have copied its rows, see that none that died left copies.

A long stream takes turns with the others. Any number of replicas may run it. Source: architecture
4, "Erasure".
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

import structlog
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from prometheus_client import Counter, Gauge

from lingxi_chassis.clock import monotonic
from lingxi_chassis.erasure import queue
from lingxi_chassis.erasure.blank import blank_rows
from lingxi_chassis.erasure.purge import LivePurge, Outcome, purge_events, purge_letters, purge_live
from lingxi_chassis.erasure.queue import Erasure
from lingxi_chassis.leases import LeaseLost, held
from lingxi_chassis.postgres import Pool
from lingxi_chassis.rebuild import discard_leftovers
from lingxi_contracts.errors import Unavailable

POLL_SECONDS = 2.0
"""Between looks when nothing goes on at once. The relay saves its checkpoint once a second."""
BATCH_ERASURES_MAX = 16

AWAY = (Unavailable, NatsError, TimeoutError, OSError)

ERASED = Counter("lingxi_streams_erased", "Streams whose erasure is complete")
OPEN = Gauge("lingxi_erasures_open", "Streams whose erasure is not complete yet")

log = structlog.get_logger(__name__)


class Eraser:
    """Erases the streams of one owner. `run` until cancelled."""

    def __init__(
        self, owner: str, pool: Pool, js: JetStreamContext, live: Sequence[LivePurge] = ()
    ) -> None:
        self._owner = owner
        self._pool = pool
        self._js = js
        self._live = live
        self._goes_on = False

    async def run(self) -> None:
        """Erase what is due, until cancelled; before that, the copies of a rebuild that died."""
        with suppress(*AWAY):
            await discard_leftovers(self._pool)
        while True:
            self._goes_on = False
            try:
                claimed = await self.work()
                OPEN.set(await queue.open_erasures(self._pool))
            except (*AWAY, LeaseLost) as error:
                log.warning("erasure_interrupted", owner=self._owner, error=repr(error))
                claimed = 0
            if claimed < BATCH_ERASURES_MAX and not self._goes_on:
                await asyncio.sleep(POLL_SECONDS)

    async def work(self) -> int:
        """Do one batch of what is due; how many streams were claimed.

        Raises:
            Unavailable, LeaseLost: the database is away; leases end by themselves.
        """
        claimed_at = monotonic()
        erasures = await queue.claim_erasures(self._pool, BATCH_ERASURES_MAX)
        if erasures:
            async with held(
                lambda: queue.renew(self._pool, erasures),
                lease_seconds=queue.LEASE_SECONDS,
                every_seconds=queue.RENEW_SECONDS,
                claimed_at=claimed_at,
            ):
                for erasure in erasures:
                    await self._work_on(erasure)
        return len(erasures)

    async def _work_on(self, erasure: Erasure) -> None:
        match await self._try(erasure):
            case "later":
                await queue.put_off(self._pool, erasure)
            case "go on":
                await queue.go_on(self._pool, erasure)
                self._goes_on = True
            case "done":
                await queue.done(self._pool, erasure)
                ERASED.inc()
                log.info("stream_erased", owner=self._owner, stream_id=str(erasure.stream_id))

    async def _try(self, erasure: Erasure) -> Outcome:
        try:
            return await self.erase_stream(erasure)
        except AWAY as error:
            log.warning("erasure_put_off", owner=self._owner, error=repr(error))
            return "later"

    async def erase_stream(self, erasure: Erasure) -> Outcome:
        """Erase one stream as far as is possible now, a long one turn by turn.

        Raises:
            Unavailable, nats.errors.Error: a part is away.
        """
        if erasure.stage == "blank":
            await blank_rows(self._pool, erasure)
            await queue.blanked(self._pool, erasure)
        outcome = await purge_events(self._pool, self._js, self._owner, erasure)
        if outcome != "done":
            return outcome
        await purge_live(self._js, self._live, erasure.user_id, erasure.stream_id)
        await purge_letters(self._pool, self._js, erasure)
        return "done" if await discard_leftovers(self._pool) else "later"
