"""Settings -> a running summarizer; the only file that sees every floor."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager

from lingxi_chassis.consumers import Subscriptions
from lingxi_chassis.model.client import PATIENT_SECONDS, ModelClient
from lingxi_chassis.operations import asked_model, serve_status
from lingxi_chassis.process import Stop
from lingxi_chassis.service import open_service
from lingxi_contracts.dead_letters import ReplayLetter
from lingxi_summarizer.adapters.model import AskedModel
from lingxi_summarizer.application.review_personality import ReviewPersonalities
from lingxi_summarizer.application.write_summary import WriteSummaries
from lingxi_summarizer.entrypoints import events
from lingxi_summarizer.settings import Settings

SERVICE = "summarizer"


@asynccontextmanager
async def start(settings: Settings, stop: Stop) -> AsyncGenerator[None]:
    """Connected, healthy and supervised while the context is open.

    On leaving, events under way have a few seconds; what is not done then comes again.
    """
    async with AsyncExitStack() as stack:
        parts = await stack.enter_async_context(open_service(SERVICE, settings, stop))
        client = ModelClient(
            settings.openai_base_url,
            settings.openai_api_key.get_secret_value(),
            settings.openai_model,
            concurrency=settings.model_concurrency,
            quiet_seconds=PATIENT_SECONDS,
        )
        stack.push_async_callback(client.close)
        parts.health.readings.add("model", client.measure)
        model = AskedModel(client, settings.model_context_tokens)
        subscriptions = Subscriptions(SERVICE, parts.nats, stop.fail, settings.nats_stream_replicas)
        settle_seconds = settings.settle_ms / 1000
        dues = events.Dues(
            WriteSummaries(parts.rpc, model, settle_seconds),
            ReviewPersonalities(parts.rpc, model, settle_seconds),
        )
        events.listen(subscriptions, dues)
        subscriptions.report_to(parts.health)
        await stack.enter_async_context(subscriptions)
        await parts.server.serve(ReplayLetter, subscriptions.replay)
        asked = asked_model(settings.openai_base_url, settings.openai_model)
        await serve_status(parts.server, parts.health, asked)
        yield
