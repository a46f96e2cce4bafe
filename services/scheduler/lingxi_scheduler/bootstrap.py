"""Settings -> a running scheduler; the only file that sees every floor."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from pydantic import TypeAdapter

from lingxi_chassis import migrations, operations
from lingxi_chassis.consumers import FromLogs, Subscriptions
from lingxi_chassis.erasure import ERASED_USER_CONSTRAINT, Eraser
from lingxi_chassis.eventlog import EventLog
from lingxi_chassis.model.client import PATIENT_SECONDS, ModelClient
from lingxi_chassis.owner import OwnerParts, open_owner
from lingxi_chassis.postgres import Pool
from lingxi_chassis.process import Stop
from lingxi_chassis.rebuild import (
    ReadModels,
    Rebuilt,
    rebuild_read_models,
    rebuild_snapshots,
)
from lingxi_chassis.rebuild.on_request import Rebuilds
from lingxi_chassis.tasks import in_background
from lingxi_contracts.dead_letters import ReplayLetter
from lingxi_contracts.errors import SessionNotFound
from lingxi_contracts.scheduler import EVENTS, OWNER, WatchEnded
from lingxi_scheduler.adapters.clock import SystemClock
from lingxi_scheduler.adapters.model import DecidingModel
from lingxi_scheduler.adapters.owners import RemoteAgents, RemoteSessions
from lingxi_scheduler.application.ask_model import AskModel
from lingxi_scheduler.application.claim_due import ClaimDue, LookAtSession
from lingxi_scheduler.application.decide import Decide
from lingxi_scheduler.application.measures import measure_due
from lingxi_scheduler.application.parts import Clock, DecisionLog
from lingxi_scheduler.application.record import Record
from lingxi_scheduler.application.send import Send
from lingxi_scheduler.application.watch_sessions import WatchSessions
from lingxi_scheduler.domain.decisions import NEW, Decisions, evolve
from lingxi_scheduler.entrypoints import events, rpc
from lingxi_scheduler.projections import caps, caps_of_users, decisions
from lingxi_scheduler.settings import Settings

VERSIONS = Path(__file__).parent / "migrations" / "versions"
PROJECTIONS = (*decisions.FOLDS, *caps.FOLDS, *caps_of_users.FOLDS)
READ_MODELS = ReadModels(
    (
        *decisions.CREATE,
        decisions.WITHOUT_SAMPLES,
        *caps.CREATE,
        caps.REFUSE_ERASED_USERS,
        *caps_of_users.CREATE,
        caps_of_users.REFUSE_ERASED_USERS,
    ),
    PROJECTIONS,
)
LEARNED = ("watches", "agents", "users")
"""Tables of what other owners tell."""
TOMBSTONES = frozenset({WatchEnded.tag})


def migrate(settings: Settings) -> None:
    """Bring the database to the newest revision."""
    migrations.migrate(settings.database_url, VERSIONS)


@asynccontextmanager
async def start(settings: Settings, stop: Stop, clock: Clock | None = None) -> AsyncGenerator[None]:
    """The service runs while the context is open. `clock`: other than the machine's own."""
    async with AsyncExitStack() as stack:
        parts = await stack.enter_async_context(open_owner(OWNER, settings, stop, VERSIONS))
        client = model_client(settings)
        stack.push_async_callback(client.close)
        parts.health.add("requests", parts.server.trouble)
        parts.health.readings.add("model", client.measure)
        log = open_log(parts.pool, parts.relay.wake)
        await rpc.serve(parts.server, parts.pool)
        eraser = Eraser(OWNER, parts.pool, parts.nats.jetstream())
        await stack.enter_async_context(in_background(eraser.run(), "erasure", stop.fail))
        clock = clock or SystemClock()
        due = due_sessions(settings, parts, log, client, clock)
        parts.health.readings.add("timers", lambda: measure_due(parts.pool, clock))
        watching = WatchSessions(parts.pool, settings.time_scale, due.due)
        subscriptions = Subscriptions(OWNER, parts.nats, stop.fail, settings.nats_stream_replicas)
        events.listen(subscriptions, log, watching)
        subscriptions.report_to(parts.health)
        learning = FromLogs(parts.pool, parts.rpc, subscriptions, due.look)
        rebuilds = Rebuilds(
            lambda: rebuild(settings, learning),
            lambda: rebuild_snapshots(log, EVENTS, TOMBSTONES),
        )
        asked = operations.asked_model(settings.openai_base_url, settings.openai_model)
        await operations.serve(parts, OWNER, rebuilds, asked)
        hearing = AsyncExitStack()

        async def finish() -> None:
            await asyncio.gather(due.finish(), hearing.aclose())

        stack.push_async_callback(finish)
        await stack.enter_async_context(in_background(due.run(learning.done), "due", stop.fail))
        await hearing.enter_async_context(subscriptions)
        await hearing.enter_async_context(in_background(learning.run(), "learning", stop.fail))
        await parts.server.serve(ReplayLetter, subscriptions.replay)
        yield


async def rebuild(settings: Settings, learning: FromLogs) -> Rebuilt:
    """Make the read models again. What is known of others follows by and by, from their logs."""
    rebuilt = await rebuild_read_models(settings.database_url, READ_MODELS)
    await learning.begin_again(LEARNED)
    return rebuilt


def due_sessions(
    settings: Settings, parts: OwnerParts, log: DecisionLog, client: ModelClient, clock: Clock
) -> ClaimDue:
    """Who looks at the sessions that are due."""
    scale = settings.time_scale
    record = Record(log, scale)
    sessions, agents = RemoteSessions(parts.rpc), RemoteAgents(parts.rpc)
    model = DecidingModel(client, settings.model_context_tokens)
    ask_model = AskModel(parts.pool, record, agents, model, clock)
    decide = Decide(parts.pool, record, sessions, agents, ask_model, clock, scale)
    send = Send(parts.pool, record, sessions, agents, clock)
    look_at = LookAtSession(parts.pool, record, decide, send)
    interval_seconds = settings.check_interval_minutes * 60
    return ClaimDue(parts.pool, look_at, clock, interval_seconds, settings.model_concurrency)


def model_client(settings: Settings) -> ModelClient:
    """Who decides for the agents."""
    return ModelClient(
        settings.openai_base_url,
        settings.openai_api_key.get_secret_value(),
        settings.openai_model,
        concurrency=settings.model_concurrency,
        quiet_seconds=PATIENT_SECONDS,
    )


def open_log(pool: Pool, on_append: Callable[[], None] = lambda: None) -> DecisionLog:
    """The log of decisions, with its read models."""
    return EventLog(
        pool=pool,
        state=TypeAdapter(Decisions),
        initial=NEW,
        evolve=evolve,
        projections=PROJECTIONS,
        taken={ERASED_USER_CONSTRAINT: SessionNotFound},
        on_append=on_append,
    )
