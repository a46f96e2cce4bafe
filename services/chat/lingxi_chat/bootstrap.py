"""Settings -> a running chat service; the only file that sees every floor."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import structlog

from lingxi_chassis import migrations, operations
from lingxi_chassis.consumers import FromLogs, Subscriptions
from lingxi_chassis.erasure import ERASED_USER_CONSTRAINT, Eraser, LivePurge
from lingxi_chassis.eventlog import EventLog, Recent
from lingxi_chassis.model.client import ModelClient
from lingxi_chassis.model.embedding_client import EmbeddingClient
from lingxi_chassis.model.moderation import ModerationClient
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
from lingxi_chat.adapters.agents import RemoteProfiles
from lingxi_chat.adapters.embeddings import EmbeddingModel
from lingxi_chat.adapters.live import LiveSignals
from lingxi_chat.adapters.model import SpeakingModel
from lingxi_chat.adapters.replicas import Replicas
from lingxi_chat.adapters.safety_rules import load_rules
from lingxi_chat.application.answer_turn import AnswerTurns
from lingxi_chat.application.catch_up import Behind, CatchUp
from lingxi_chat.application.edit_message import EditMessages
from lingxi_chat.application.embed_messages import MeantMessages
from lingxi_chat.application.index_messages import index_messages
from lingxi_chat.application.look_up import LookUp
from lingxi_chat.application.moderate import Moderate
from lingxi_chat.application.parts import SessionLog
from lingxi_chat.application.post_message import PostMessages
from lingxi_chat.application.recall import Recall
from lingxi_chat.application.regenerate_turn import RegenerateTurns
from lingxi_chat.application.retry_turn import RetryTurns
from lingxi_chat.application.stop_turn import StopTurns
from lingxi_chat.application.turn_times import measure_waiting
from lingxi_chat.application.turn_workers import TurnWorkers
from lingxi_chat.domain import session
from lingxi_chat.domain.safety import Rules
from lingxi_chat.entrypoints import events, rpc, work_rpc
from lingxi_chat.projections import messages, sessions, summaries
from lingxi_chat.projections.recall import forget_index, unindexed_sessions
from lingxi_chat.projections.recall_vectors import ensure_vectors
from lingxi_chat.settings import Settings
from lingxi_contracts import agent, gateway
from lingxi_contracts.chat import EVENTS, OWNER, SessionDeleted
from lingxi_contracts.dead_letters import ReplayLetter
from lingxi_contracts.errors import SessionNotFound
from lingxi_contracts.subjects import CHAT_LIVE_STREAM, live_subject

VERSIONS = Path(__file__).parent / "migrations" / "versions"
RECENT_SESSIONS_MAX = 10_000
PROJECTIONS = (*messages.PROJECTIONS, *sessions.PROJECTIONS, *summaries.PROJECTIONS)
READ_MODELS = ReadModels(
    (
        *messages.CREATE,
        *sessions.CREATE,
        *summaries.CREATE,
        messages.WITHOUT_SAMPLES,
        sessions.WITHOUT_SAMPLES,
        summaries.WITHOUT_SAMPLES,
    ),
    PROJECTIONS,
)
OTHERS = (agent.OWNER, gateway.OWNER)
LEARNED = ("agents", "users", "reviews")
"""Tables of what others tell."""
TOMBSTONES = frozenset({SessionDeleted.tag})


def migrate(settings: Settings) -> None:
    """Bring chat's database to the newest revision."""
    migrations.migrate(settings.database_url, VERSIONS)


def session_log(pool: Pool, on_append: Callable[[], None] = lambda: None) -> SessionLog:
    """The log of sessions with all its read models."""
    return EventLog(
        pool=pool,
        state=sessions.SESSION,
        initial=session.NEW,
        evolve=session.evolve,
        projections=PROJECTIONS,
        taken={ERASED_USER_CONSTRAINT: SessionNotFound},
        on_append=on_append,
        recent=Recent(RECENT_SESSIONS_MAX),
    )


def model_client(settings: Settings) -> ModelClient:
    """Who speaks for the agents."""
    return ModelClient(
        settings.openai_base_url,
        settings.openai_api_key.get_secret_value(),
        settings.openai_model,
        concurrency=settings.model_concurrency,
        deadline_seconds=settings.turn_deadline_seconds,
    )


@asynccontextmanager
async def start_moderating(settings: Settings, rules: Rules) -> AsyncGenerator[Moderate]:
    """Who looks at what users say, if anybody does."""
    if not settings.moderation_model:
        yield Moderate(rules, None)
        return
    client = ModerationClient(
        settings.openai_base_url,
        settings.openai_api_key.get_secret_value(),
        settings.moderation_model,
        settings.model_concurrency,
    )
    try:
        yield Moderate(rules, client)
    finally:
        await client.close()


@dataclass(frozen=True, slots=True)
class Recalling:
    """Recall, and who keeps its index; `meant` where there is an embedding model and pgvector."""

    recall: Recall
    catch_up: CatchUp
    meant: MeantMessages | None


@asynccontextmanager
async def start_recalling(settings: Settings, pool: Pool, stop: Stop) -> AsyncGenerator[Recalling]:
    """Messages are indexed and recalled while the context is open."""
    async with AsyncExitStack() as stack:
        meant = None
        behind: list[Behind] = [
            (lambda: unindexed_sessions(pool), lambda one: index_messages(pool, one))
        ]
        if settings.openai_embedding_model:
            if await ensure_vectors(pool):
                client = EmbeddingClient(
                    settings.openai_base_url,
                    settings.openai_api_key.get_secret_value(),
                    settings.openai_embedding_model,
                    settings.model_concurrency,
                )
                stack.push_async_callback(client.close)
                known = meant = MeantMessages(pool, EmbeddingModel(client))
                behind.append((lambda: unindexed_sessions(pool, known.mark), known.index))
            else:
                structlog.get_logger(__name__).warning("no_pgvector", recalled_by="terms")
        catch_up = CatchUp(behind)
        await stack.enter_async_context(in_background(catch_up.run(), "catch_up", stop.fail))
        yield Recalling(Recall(pool, meant and meant.alike), catch_up, meant)


async def rebuild(
    settings: Settings, pool: Pool, recalling: Recalling, learning: FromLogs
) -> Rebuilt:
    """Make the read models again.

    The index that messages are recalled by follows by and by, and what is known of others, from
    their logs: a session that starts meanwhile with an agent that is gone goes when that is heard.
    """
    rebuilt = await rebuild_read_models(settings.database_url, READ_MODELS)
    await learning.begin_again(LEARNED)
    await forget_index(pool)
    recalling.catch_up.again()
    return rebuilt


def _measuring(parts: OwnerParts, client: ModelClient) -> None:
    """What is read for chat's own metrics."""
    parts.health.readings.add("model", client.measure)
    parts.health.readings.add("turns", lambda: measure_waiting(parts.pool))


@dataclass(frozen=True, slots=True)
class UseCases:
    """What chat does, and with what: nobody can call it yet."""

    log: SessionLog
    profiles: RemoteProfiles
    live: LiveSignals
    replicas: Replicas
    workers: TurnWorkers
    turns: rpc.Turns


def use_cases(
    settings: Settings,
    parts: OwnerParts,
    live: LiveSignals,
    *,
    model: SpeakingModel,
    recall: Recall,
    moderate: Moderate,
    rules: Rules,
) -> UseCases:
    """The use cases on their neighbours."""
    log = session_log(parts.pool, parts.relay.wake)
    profiles = RemoteProfiles(parts.rpc)
    replicas = Replicas(parts.nats)
    look_up = LookUp(parts.pool, profiles)
    settle_seconds = settings.burst_settle_ms / 1000
    answer = AnswerTurns(
        log, look_up, model, live, recall, moderate, settings.model_context_tokens, settle_seconds
    )
    workers = TurnWorkers(
        parts.pool, answer, replicas.nudge, settings.model_concurrency, settle_seconds
    )
    turns = rpc.Turns(
        post=PostMessages(log, profiles, look_up, workers, rules),
        retry=RetryTurns(log, workers),
        regenerate=RegenerateTurns(log, workers),
        edit=EditMessages(log, workers, rules),
        stop=StopTurns(log, workers, replicas.tell_holder, replicas.nudge),
    )
    return UseCases(log, profiles, live, replicas, workers, turns)


async def _serve(parts: OwnerParts, chat: UseCases) -> None:
    """Answer those who ask chat, and do what its other replicas tell."""
    await chat.replicas.heard_by(chat.workers)
    await rpc.serve(parts.server, chat.log, chat.profiles, chat.live, chat.turns)
    await work_rpc.serve(parts.server, chat.log, chat.live)
    parts.health.add("requests", parts.server.trouble)


async def _serve_operators(
    settings: Settings,
    parts: OwnerParts,
    log: SessionLog,
    recalling: Recalling,
    learning: FromLogs,
) -> None:
    rebuilds = Rebuilds(
        lambda: rebuild(settings, parts.pool, recalling, learning),
        lambda: rebuild_snapshots(log, EVENTS, TOMBSTONES),
    )
    asked = operations.asked_model(settings.openai_base_url, settings.openai_model)
    await operations.serve(parts, OWNER, rebuilds, asked)


@asynccontextmanager
async def _hearing(
    settings: Settings, parts: OwnerParts, chat: UseCases, recalling: Recalling, stop: Stop
) -> AsyncGenerator[None]:
    """Events are heard while the context is open; operators may ask for what depends on them."""
    subscriptions = Subscriptions(OWNER, parts.nats, stop.fail, settings.nats_stream_replicas)
    events.listen(subscriptions, chat.log, chat.replicas.tell_holder, recalling.meant)
    subscriptions.report_to(parts.health)
    learning = FromLogs(parts.pool, parts.rpc, subscriptions, owners=OTHERS)
    await _serve_operators(settings, parts, chat.log, recalling, learning)
    async with subscriptions, in_background(learning.run(), "learning", stop.fail):
        await parts.server.serve(ReplayLetter, subscriptions.replay)
        yield


@asynccontextmanager
async def start(settings: Settings, stop: Stop) -> AsyncGenerator[None]:
    """The service runs while the context is open.

    On leaving it takes no more requests and events, lets turns end for a few seconds, gives back
    the rest; the relay publishes what was appended.
    """
    async with AsyncExitStack() as stack:
        rules = load_rules(settings.safety_rules_file) if settings.safety_rules_file else Rules()
        parts = await stack.enter_async_context(open_owner(OWNER, settings, stop, VERSIONS))
        client = model_client(settings)
        stack.push_async_callback(client.close)
        _measuring(parts, client)
        live = LiveSignals(parts.nats, settings.nats_stream_replicas)
        await stack.enter_async_context(in_background(live.keep_stream(), "live", stop.fail))
        recalling = await stack.enter_async_context(start_recalling(settings, parts.pool, stop))
        moderate = await stack.enter_async_context(start_moderating(settings, rules))
        chat = use_cases(
            settings,
            parts,
            live,
            model=SpeakingModel(client),
            recall=recalling.recall,
            moderate=moderate,
            rules=rules,
        )
        workers = chat.workers
        parts.link.watch(workers.nats_lost, workers.nats_back)
        parts.link.watch(chat.profiles.doubt, chat.profiles.doubt)
        await chat.profiles.listen(parts.nats)
        await stack.enter_async_context(in_background(workers.sweep(), "sweep", stop.fail))
        hearing = AsyncExitStack()

        async def finish() -> None:
            await asyncio.gather(parts.server.finish(), workers.finish(), hearing.aclose())

        stack.push_async_callback(finish)
        await _serve(parts, chat)
        purges = [LivePurge(CHAT_LIVE_STREAM, live_subject)]
        eraser = Eraser(OWNER, parts.pool, parts.nats.jetstream(), purges)
        await stack.enter_async_context(in_background(eraser.run(), "erasure", stop.fail))
        await hearing.enter_async_context(_hearing(settings, parts, chat, recalling, stop))
        yield
