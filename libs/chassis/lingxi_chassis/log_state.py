"""How an owner's log stands: asked by an operator, and read for metrics."""

from nats.js.errors import NotFoundError
from prometheus_client import Gauge

from lingxi_chassis.owner import OwnerParts
from lingxi_chassis.postgres import fetch_one
from lingxi_chassis.relay.lag import relay_lag
from lingxi_contracts.operations import UNPUBLISHED_COUNTED_MAX, LogStatus
from lingxi_contracts.subjects import stream_name

# Of other roles' sessions Postgres shows no times: of ours alone we say how long.
_DATABASE = """
    select pg_snapshot_xmax(now_open)::text::bigint - pg_snapshot_xmin(now_open)::text::bigint,
           (select extract(epoch from max(clock_timestamp() - xact_start))::float8
            from pg_stat_activity where usename = current_user and pid <> pg_backend_pid()),
           (select count(*) from erasures)
    from pg_current_snapshot() now_open
"""

LAG_EVENTS = Gauge(
    "lingxi_relay_lag_events",
    f"Rows of the log that its stream does not hold yet, counted to {UNPUBLISHED_COUNTED_MAX}",
)
LAG_SECONDS = Gauge("lingxi_relay_lag_seconds", "Age of the oldest of them; 0: there is none")
XMIN_AGE = Gauge(
    "lingxi_xmin_age_transactions",
    "How far the oldest open transaction of the whole cluster holds all relays back",
)
OLDEST_TRANSACTION = Gauge(
    "lingxi_oldest_transaction_seconds", "Age of the oldest transaction of this service's role"
)
STREAM_BYTES = Gauge("lingxi_stream_bytes", "What the owner's stream holds")
STREAM_BYTES_MAX = Gauge("lingxi_stream_bytes_max", "When full it takes no more events")

DATABASE_BYTES = Gauge("lingxi_database_bytes", "The owner's database on disk, without the WAL")


async def log_status(parts: OwnerParts, owner: str) -> LogStatus:
    """How it stands now.

    Raises:
        Unavailable, nats.errors.Error: the database or JetStream is away.
    """
    lag = await relay_lag(parts.pool, parts.nats.jetstream(), owner, UNPUBLISHED_COUNTED_MAX)
    row = await fetch_one(parts.pool, _DATABASE, {})
    assert row is not None
    return LogStatus(
        unpublished_events=lag.events,
        unpublished_seconds=lag.seconds,
        xmin_age_transactions=row[0],
        oldest_transaction_seconds=row[1],
        erasures_open=row[2],
    )


async def measure_log(parts: OwnerParts, owner: str) -> None:
    """A reading (`readings`). Raises as `log_status`."""
    status = await log_status(parts, owner)
    LAG_EVENTS.set(status.unpublished_events)
    LAG_SECONDS.set(status.unpublished_seconds or 0)
    XMIN_AGE.set(status.xmin_age_transactions)
    OLDEST_TRANSACTION.set(status.oldest_transaction_seconds or 0)
    row = await fetch_one(parts.pool, "select pg_database_size(current_database())", {})
    assert row is not None
    DATABASE_BYTES.set(row[0])
    try:
        stream = await parts.nats.jetstream().stream_info(stream_name(owner))
    except NotFoundError:  # lost: its relay makes it anew
        STREAM_BYTES.set(0)
    else:
        STREAM_BYTES.set(stream.state.bytes)
        STREAM_BYTES_MAX.set(stream.config.max_bytes or 0)
