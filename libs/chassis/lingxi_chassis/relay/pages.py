"""The log for whoever derives tables from it: its events in the order of publication, in pages, and
each by its id.

A page looks at `SCANNED_ROWS_MAX` rows at most, whatever is asked for: it costs the same in every
log, and may tell nothing but where to go on.
"""

import structlog

from lingxi_chassis.postgres import AWAY, Pool, borrowed
from lingxi_chassis.relay.rows import Checkpoint, LogRow, read_row, read_rows
from lingxi_chassis.rpc import ANSWER_BYTES_MAX, within_bytes
from lingxi_contracts.envelope import Envelope
from lingxi_contracts.errors import Unavailable
from lingxi_contracts.reading import LoggedEvent, LogPage, LogPlace, ReadEvent, ReadLog

SCANNED_ROWS_MAX = 500
EVENTS_BYTES_MAX = ANSWER_BYTES_MAX - 16 * 1024
"""The rest is room for the answer around them."""

log = structlog.get_logger(__name__)


async def read_log(pool: Pool, owner: str, question: ReadLog) -> LogPage:
    """The events of some names after a place, but erased ones. Raises Unavailable."""
    after = Checkpoint("", 0, question.after.xid, question.after.position)
    try:
        async with borrowed(pool) as connection:
            rows = await read_rows(connection, after, SCANNED_ROWS_MAX)
    except AWAY as error:
        raise Unavailable from error
    names = frozenset(question.names)
    scanned = [(row, _told(row, owner, names)) for row in rows]
    page = within_bytes(scanned, lambda one: len(one[1]), EVENTS_BYTES_MAX)
    ends = len(page) == len(rows) < SCANNED_ROWS_MAX
    return LogPage(
        events=tuple(Envelope.model_validate_json(told) for _, told in page if told),
        next_after=None if ends else LogPlace(xid=page[-1][0].xid, position=page[-1][0].position),
    )


async def read_event(pool: Pool, owner: str, question: ReadEvent) -> LoggedEvent:
    """One event, erased or not. Raises Unavailable."""
    try:
        async with borrowed(pool) as connection:
            row = await read_row(connection, question.event_id)
    except AWAY as error:
        raise Unavailable from error
    told = _envelope(row, owner) if row else b""
    return LoggedEvent(event=Envelope.model_validate_json(told) if told else None)


def _told(row: LogRow, owner: str, names: frozenset[str]) -> bytes:
    """A row's envelope; empty: it is not to be told."""
    if row.data is None or row.type.partition(".")[0] not in names:
        return b""
    return _envelope(row, owner)


def _envelope(row: LogRow, owner: str) -> bytes:
    """Empty: no answer has room for it."""
    told = row.envelope(owner)
    if len(told) <= EVENTS_BYTES_MAX:
        return told
    log.error("event_too_large_for_a_page", event_id=str(row.event_id), bytes=len(told))
    return b""
