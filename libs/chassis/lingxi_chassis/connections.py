"""Connections to Postgres: what all those of a process have in common.

A server that goes without a word, as a lost machine does, would leave statements waiting for hours
and whoever asks believing that all is well. So the kernel looks after a silent connection.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import psycopg
import structlog
from psycopg import AsyncConnection
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import TupleRow

from lingxi_chassis.clock import monotonic

CONNECT_SECONDS_MAX = 5
SILENT_SECONDS_MAX = 10
"""Of a server that acknowledges nothing, neither what was sent nor that it is there."""
START_SECONDS_MAX = 60.0
"""For the first connection of a process: whoever starts all at once starts Postgres too."""
START_PAUSE_SECONDS = 0.5

DEFAULTS = {
    "connect_timeout": CONNECT_SECONDS_MAX,
    "keepalives_idle": SILENT_SECONDS_MAX // 2,
    "keepalives_interval": 1,
    "keepalives_count": SILENT_SECONDS_MAX // 2,
    "tcp_user_timeout": SILENT_SECONDS_MAX * 1000,
    # Of several servers, or of one name for a primary that changes: the one that takes writes.
    "target_session_attrs": "read-write",
}

_IDLE = "select set_config('idle_session_timeout', %(idle)s, false)"

type Connection = AsyncConnection[TupleRow]

log = structlog.get_logger(__name__)


def conninfo(url: str) -> str:
    """How to connect to the database of a URL; what the URL says itself stands."""
    return make_conninfo("", **{**DEFAULTS, **conninfo_to_dict(url)})


@asynccontextmanager
async def connect(url: str, idle_seconds_max: float = 0.0) -> AsyncGenerator[Connection]:
    """A connection of its own, in autocommit mode, closed in the end.

    `idle_seconds_max`: who says nothing for longer loses it, and the locks that it holds.

    Raises:
        psycopg.OperationalError: the server is away, or does not let us in.
    """
    async with await AsyncConnection.connect(conninfo(url), autocommit=True) as connection:
        if idle_seconds_max:
            idle = {"idle": f"{idle_seconds_max}s"}
            await connection.execute(_IDLE, idle)
        yield connection


async def wait_until_let_in(url: str) -> None:
    """Until the server answers; each reason why it does not is logged.

    Raises:
        ConnectionError: it lets us in nowhere within `START_SECONDS_MAX`; says the last reason.
    """
    give_up_at = monotonic() + START_SECONDS_MAX
    while True:
        try:
            async with connect(url):
                return
        except psycopg.OperationalError as error:
            why = " ".join(str(error).split())
            if monotonic() >= give_up_at:
                raise ConnectionError(f"Postgres does not let us in: {why}") from error
            log.warning("database_away", error=why)
        await asyncio.sleep(START_PAUSE_SECONDS)
