"""Settings -> a running chat service; the only file that sees every floor."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from nats.aio.msg import Msg

from lingxi_chassis import migrations
from lingxi_chassis.consumers import Subscriptions
from lingxi_chassis.eventlog import EventLog
from lingxi_chassis.model.client import ModelClient
from lingxi_chassis.owner import open_owner
from lingxi_chassis.process import Stop
from lingxi_chassis.tasks import in_background
from lingxi_chat.adapters.agents import RemoteProfiles
from lingxi_chat.adapters.model import SpeakingModel
from lingxi_chat.application.answer_turn import AnswerTurns
from lingxi_chat.application.post_message import PostMessages
from lingxi_chat.application.retry_turn import RetryTurns
from lingxi_chat.application.turn_workers import TurnWorkers
from lingxi_chat.domain import session
from lingxi_chat.entrypoints import events, rpc
from lingxi_chat.projections import messages, sessions
from lingxi_chat.settings import Settings
from lingxi_contracts.chat import OWNER
from lingxi_contracts.subjects import CHAT_WORK

VERSIONS = Path(__file__).parent / "migrations" / "versions"


def migrate(settings: Settings) -> None:
    """Bring chat's database to the newest revision."""
    migrations.migrate(settings.database_url, VERSIONS)


@asynccontextmanager
async def start(settings: Settings, stop: Stop) -> AsyncGenerator[None]:
    """The service runs while the context is open."""
    async with AsyncExitStack() as stack:
        parts = await stack.enter_async_context(open_owner(OWNER, settings, stop))
        client = ModelClient(
            settings.openai_base_url,
            settings.openai_api_key.get_secret_value(),
            settings.openai_model,
            concurrency=settings.model_concurrency,
            deadline_seconds=settings.turn_deadline_seconds,
        )
        stack.push_async_callback(client.close)
        log = EventLog(
            pool=parts.pool,
            state=sessions.SESSION,
            initial=session.NEW,
            evolve=session.evolve,
            projections=(*messages.PROJECTIONS, *sessions.PROJECTIONS),
            on_append=parts.relay.wake,
        )
        profiles = RemoteProfiles(parts.rpc)
        answer = AnswerTurns(log, profiles, SpeakingModel(client), settings.model_context_tokens)

        async def nudge() -> None:
            await parts.nats.publish(CHAT_WORK)

        workers = TurnWorkers(parts.pool, answer, nudge, settings.model_concurrency)

        async def nudged(_: Msg) -> None:
            await workers.take_waiting()

        stack.push_async_callback(workers.finish)
        await stack.enter_async_context(in_background(workers.sweep(), "sweep", stop.fail))
        await parts.nats.subscribe(CHAT_WORK, cb=nudged)
        await rpc.serve(
            parts.server,
            log,
            profiles,
            PostMessages(log, profiles, workers),
            RetryTurns(log, workers),
        )
        stack.push_async_callback(parts.server.finish)
        subscriptions = Subscriptions(OWNER, parts.nats, stop.fail)
        events.listen(subscriptions, log)
        parts.health.add("consumers", subscriptions.trouble)
        await stack.enter_async_context(subscriptions)
        yield
