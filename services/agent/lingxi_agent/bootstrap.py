"""Settings -> running service: the only file that sees every floor."""

from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from uuid import UUID

from lingxi_agent.adapters.changes import Changes
from lingxi_agent.application.agent_log import AgentLog
from lingxi_agent.domain.streams import STATE, evolve
from lingxi_agent.entrypoints import events, rpc
from lingxi_agent.projections import (
    agents,
    memories,
    personality_reviews,
    personality_suggestions,
    personality_versions,
)
from lingxi_agent.settings import Settings
from lingxi_chassis import migrations, operations
from lingxi_chassis.consumers import FromLogs, Subscriptions
from lingxi_chassis.erasure import ERASED_USER_CONSTRAINT, Eraser, Redactor
from lingxi_chassis.owner import open_owner
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
from lingxi_contracts import chat
from lingxi_contracts.agent import EVENTS, OWNER, AgentDeleted, MemoryForgotten
from lingxi_contracts.dead_letters import ReplayLetter
from lingxi_contracts.errors import AgentNameTaken, AgentNotFound

VERSIONS = Path(__file__).parent / "migrations" / "versions"
TABLES = (agents, personality_versions, personality_suggestions, personality_reviews, memories)
PROJECTIONS = tuple(fold for table in TABLES for fold in table.FOLDS)
READ_MODELS = ReadModels(
    (
        *(statement for table in TABLES for statement in table.CREATE),
        agents.WITHOUT_SAMPLES,
        personality_versions.WITHOUT_SAMPLES,
        personality_suggestions.WITHOUT_SAMPLES,
        memories.WITHOUT_SAMPLES,
    ),
    PROJECTIONS,
)
TOMBSTONES = frozenset({AgentDeleted.tag, MemoryForgotten.tag})


def migrate(settings: Settings) -> None:
    """Bring the database to the newest revision."""
    migrations.migrate(settings.database_url, VERSIONS)


@asynccontextmanager
async def start(settings: Settings, stop: Stop) -> AsyncGenerator[None]:
    """The service answers while the context is open."""
    async with AsyncExitStack() as stack:
        parts = await stack.enter_async_context(open_owner(OWNER, settings, stop, VERSIONS))
        parts.health.add("requests", parts.server.trouble)
        changes = Changes(parts.nats)
        log = open_log(parts.pool, parts.relay.wake, changes.tell)
        parts.link.watch(lambda: None, changes.tell)
        changes.tell()
        await rpc.serve(parts.server, log)
        js = parts.nats.jetstream()
        eraser = Eraser(OWNER, parts.pool, js)
        await stack.enter_async_context(in_background(eraser.run(), "erasure", stop.fail))
        subscriptions = Subscriptions(OWNER, parts.nats, stop.fail, settings.nats_stream_replicas)
        events.listen(subscriptions, log, Redactor(OWNER, parts.pool, js))
        subscriptions.report_to(parts.health)
        learning = FromLogs(parts.pool, parts.rpc, subscriptions, owners=(chat.OWNER,))
        rebuilds = Rebuilds(
            lambda: rebuild(settings, learning, changes),
            lambda: rebuild_snapshots(log, EVENTS, TOMBSTONES),
        )
        await operations.serve(parts, OWNER, rebuilds)
        await stack.enter_async_context(subscriptions)
        await stack.enter_async_context(in_background(learning.run(), "learning", stop.fail))
        await parts.server.serve(ReplayLetter, subscriptions.replay)
        yield


async def rebuild(settings: Settings, learning: FromLogs, changes: Changes) -> Rebuilt:
    """Make the read models again. Which sessions are gone follows by and by, from chat's log."""
    rebuilt = await rebuild_read_models(settings.database_url, READ_MODELS)
    changes.tell()
    await learning.begin_again(())
    return rebuilt


def open_log(
    pool: Pool,
    on_append: Callable[[], None] = lambda: None,
    on_change: Callable[[UUID], None] = lambda _: None,
) -> AgentLog:
    """The log of agents and of what they remember, with its read models."""
    return AgentLog(
        pool=pool,
        state=STATE,
        initial=None,
        evolve=evolve,
        projections=PROJECTIONS,
        taken={
            agents.NAME_CONSTRAINT: AgentNameTaken,
            ERASED_USER_CONSTRAINT: AgentNotFound,
        },
        on_append=on_append,
        on_change=on_change,
    )
