"""Redaction: a part of what a stream tells is erased while the stream lives on.

Its events stay, and stay valid: their data without what has to go, on which no state may rest. It
goes from the log first, so that whatever is published or rebuilt from then on is without it, then
from copies. Messages that hold it are deleted from the owner's stream: who reads that late finds a
gap, or, once the stream is healed, the events as they are now.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, LiteralString
from uuid import UUID

import orjson
from nats.js import JetStreamContext

from lingxi_chassis.erasure.purge import is_same_life
from lingxi_chassis.jetstream import delete_messages
from lingxi_chassis.postgres import Pool, Row, fetch_all
from lingxi_chassis.rebuild import discard_leftovers
from lingxi_contracts.errors import Unavailable
from lingxi_contracts.subjects import event_subject, stream_name


@dataclass(frozen=True, slots=True)
class Redaction:
    """`events`: a condition on the events `e` of a stream. It finds them again when they are
    redacted, for the rest may remain to be done. `left`: what their data is then."""

    events: LiteralString
    left: LiteralString


class Redactor:
    """Redacts streams of one owner."""

    def __init__(self, owner: str, pool: Pool, js: JetStreamContext) -> None:
        self._owner = owner
        self._pool = pool
        self._js = js

    async def redact(
        self, stream_id: UUID, redaction: Redaction, params: Mapping[str, Any]
    ) -> None:
        """Redact events of a stream. Idempotent: stopped or refused, do it again.

        Read models are the caller's to put right, after it.

        Raises:
            Unavailable: a rebuild may have copied the rows, the relay has not passed them, or the
                database is away.
            nats.errors.Error: JetStream is away.
        """
        rows = await fetch_all(
            self._pool,
            f"""
            update events e set data = {redaction.left} from relay_checkpoint c
            where e.stream_id = %(stream_id)s and e.data is not null and ({redaction.events})
            returning e.event_id, e.type, e.user_id, e.data, c.stream_created, c.stream_seq,
                      (c.xid, c.position) >= (e.xid, e.position)
            """,
            {"stream_id": stream_id, **params},
        )
        if rows and not (await discard_leftovers(self._pool) and await self._passed(rows)):
            raise Unavailable
        published = {(row[1], row[2]) for row in rows}
        left = {str(row[0]): row[3] for row in rows}

        def tells_more(body: bytes) -> bool:
            event = orjson.loads(body)
            return event["id"] in left and event["data"] != left[event["id"]]

        for tag, user_id in published:
            await delete_messages(
                self._js,
                stream_name(self._owner),
                event_subject(self._owner, tag, user_id, stream_id),
                rows[0][5] + 1,
                which=tells_more,
            )

    async def _passed(self, rows: list[Row]) -> bool:
        """Whether all of them are published, and what the relay read of them before is, too."""
        stream = stream_name(self._owner)
        return all(row[6] for row in rows) and await is_same_life(self._js, stream, rows[0][4])
