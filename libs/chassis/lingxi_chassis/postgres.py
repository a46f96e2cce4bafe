"""One pool of connections a process, tuned for single statements.

Connections are in autocommit mode: one statement is one transaction, and what has to be atomic is
one statement (see `eventlog`). Never hold a connection while a model answers.
"""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import psycopg
from prometheus_client import Gauge
from psycopg.errors import (
    IdleInTransactionSessionTimeout,
    ReadOnlySqlTransaction,
    TransactionTimeout,
)
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool

from lingxi_chassis import tracing
from lingxi_chassis.connections import Connection, conninfo, wait_until_let_in
from lingxi_contracts.errors import Unavailable

POOL_SIZE = 8
CHECKOUT_SECONDS_MAX = 2.0
RECONNECT_SECONDS_MAX = 2.0
"""The pool's pauses between tries double until then, after a second; it gives a connection up then,
and the next statement has it try anew. So it is back about a second after its server, however long
that was away."""

AWAY = (
    psycopg.OperationalError,
    # To the driver these are faults inside of Postgres; to us, bounds that our roles have, and the
    # answer of a primary that is none any more.
    TransactionTimeout,
    IdleInTransactionSessionTimeout,
    ReadOnlySqlTransaction,
)
"""The database does not serve us now, or not in time: trying again later helps."""

CONNECTIONS = Gauge("lingxi_pool_connections", "Of the pool, by whether one works", ["state"])
WAITING = Gauge("lingxi_pool_waiting", "Statements that wait for a connection of the pool")

type Pool = AsyncConnectionPool[Connection]
type Row = TupleRow


@asynccontextmanager
async def open_pool(url: str, size: int = POOL_SIZE) -> AsyncGenerator[Pool]:
    """A pool at a server that has answered once.

    Raises:
        ConnectionError: it does not within `connections.START_SECONDS_MAX`.
    """
    await wait_until_let_in(url)
    pool: Pool = AsyncConnectionPool(
        conninfo(url),
        min_size=size,
        max_size=size,
        open=False,
        timeout=CHECKOUT_SECONDS_MAX,
        reconnect_timeout=RECONNECT_SECONDS_MAX,
        kwargs={"autocommit": True, "prepare_threshold": 0},
    )
    await pool.open()
    try:
        yield pool
    finally:
        await pool.close()


async def measure_pool(pool: Pool) -> None:
    """A reading (`readings`)."""
    stats = pool.get_stats()
    free = stats["pool_available"]
    CONNECTIONS.labels("free").set(free)
    CONNECTIONS.labels("used").set(stats["pool_size"] - free)
    WAITING.set(stats["requests_waiting"])


@asynccontextmanager
async def borrowed(pool: Pool) -> AsyncGenerator[Connection]:
    """A connection for one statement.

    `pool.connection()` opens and ends a transaction block around its body, which costs as much as
    a small statement and does nothing in autocommit mode.
    """
    connection = await pool.getconn()
    try:
        yield connection
    except ReadOnlySqlTransaction:
        await connection.close()  # a new one may find the new primary
        raise
    finally:
        await pool.putconn(connection)


async def fetch_all(pool: Pool, sql: str, params: Mapping[str, Any]) -> list[Row]:
    """The rows of one statement.

    Raises:
        Unavailable: the database is away or the pool is exhausted.
    """
    try:
        async with borrowed(pool) as connection:
            with tracing.statement(sql):
                cursor = await connection.execute(sql.encode(), params)
            # Not `description`: it makes an object of each column, to be looked at.
            has_rows = cursor.pgresult is not None and cursor.pgresult.nfields > 0
            return await cursor.fetchall() if has_rows else []
    except AWAY as error:
        raise Unavailable from error


async def fetch_one(pool: Pool, sql: str, params: Mapping[str, Any]) -> Row | None:
    """The first row of one statement, or None. Raises as `fetch_all`."""
    rows = await fetch_all(pool, sql, params)
    return rows[0] if rows else None


async def execute(pool: Pool, sql: str, params: Mapping[str, Any]) -> int:
    """Run one statement; how many rows it touched. Raises as `fetch_all`."""
    try:
        async with borrowed(pool) as connection:
            with tracing.statement(sql):
                cursor = await connection.execute(sql.encode(), params)
            return cursor.rowcount
    except AWAY as error:
        raise Unavailable from error
