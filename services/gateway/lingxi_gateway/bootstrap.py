"""Settings -> running service: the only file that sees every floor."""

from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path

import structlog
from nats.aio.msg import Msg
from pydantic import TypeAdapter

from lingxi_chassis import migrations, operations
from lingxi_chassis.erasure import ERASED_USER_CONSTRAINT, Eraser
from lingxi_chassis.eventlog import EventLog
from lingxi_chassis.health import Check, serve_http
from lingxi_chassis.owner import OwnerParts, open_owner
from lingxi_chassis.postgres import Pool
from lingxi_chassis.process import Stop
from lingxi_chassis.rebuild import ReadModels, rebuild_read_models, rebuild_snapshots
from lingxi_chassis.rebuild.on_request import Rebuilds
from lingxi_chassis.tasks import in_background
from lingxi_contracts.gateway import EVENTS, OWNER, UserDeleted
from lingxi_contracts.operations import UserNotFound
from lingxi_contracts.subjects import event_subjects, live_subjects, stream_name, turns_ended
from lingxi_gateway.adapters.keys import KeyPairs, Keys, SharedSecret
from lingxi_gateway.adapters.passwords import open_passwords
from lingxi_gateway.adapters.streams import Streams
from lingxi_gateway.adapters.tail import Dispatch, Tail
from lingxi_gateway.adapters.tokens import JwtTokens
from lingxi_gateway.application.accounts import Accounts
from lingxi_gateway.application.check_access import AccessCheck
from lingxi_gateway.application.end_feeds import end_feeds
from lingxi_gateway.application.feeds import Feeds
from lingxi_gateway.application.forget_audit import forget_audit
from lingxi_gateway.application.places import Source
from lingxi_gateway.application.ports import Passwords, Tokens
from lingxi_gateway.application.read_marks import ReadMarks
from lingxi_gateway.application.waiters import Waiters
from lingxi_gateway.domain.account import Account, AccountEvent, evolve
from lingxi_gateway.domain.refusals import UsernameTaken
from lingxi_gateway.entrypoints import rpc
from lingxi_gateway.entrypoints.http.app import create_app
from lingxi_gateway.entrypoints.http.clients import networks
from lingxi_gateway.entrypoints.http.limits import limits
from lingxi_gateway.entrypoints.http.parts import Parts
from lingxi_gateway.entrypoints.http.wire.feed import FeedFrames
from lingxi_gateway.projections import refresh_families, users
from lingxi_gateway.projections.audit import Audit
from lingxi_gateway.settings import Settings

VERSIONS = Path(__file__).parent / "migrations" / "versions"
READ_MODELS = ReadModels((*users.CREATE, users.WITHOUT_SAMPLES), users.FOLDS)
TOMBSTONES = frozenset({UserDeleted.tag})

log = structlog.get_logger(__name__)


def migrate(settings: Settings) -> None:
    """Bring the database to the newest revision."""
    migrations.migrate(settings.database_url, VERSIONS)


@asynccontextmanager
async def start(settings: Settings, stop: Stop) -> AsyncGenerator[None]:
    """The service answers while the context is open."""
    async with serving(settings, stop):
        yield


@asynccontextmanager
async def serving(settings: Settings, stop: Stop) -> AsyncGenerator[int]:
    """As `start`; the port it answers on (setting 0 asks for a free one).

    On leaving: requests under way end, then marks are sent, then what they need is closed.
    """
    tokens = open_tokens(settings)
    async with AsyncExitStack() as stack:
        owner = await stack.enter_async_context(open_owner(OWNER, settings, stop, VERSIONS))
        passwords = await stack.enter_async_context(open_passwords())
        frames = FeedFrames(settings.openai_model)
        waiting, feeds = await stack.enter_async_context(_tailing(owner, frames, stop))
        read_marks = ReadMarks(owner.rpc.call)
        stack.push_async_callback(read_marks.finish)
        parts = Parts(
            rpc=owner.rpc,
            accounts=open_accounts(settings, owner.pool, passwords, tokens, owner.relay.wake),
            limits=limits(settings.rate_limit_per_user, settings.rate_limit_per_ip),
            waiters=waiting,
            read_marks=read_marks,
            feeds=feeds,
            frames=frames,
            events=Streams(owner.nats),
            reply_wait_seconds=settings.reply_wait_seconds,
            default_model=settings.openai_model,
            cors_origins=settings.cors_allowed_origins,
            hsts_seconds=settings.hsts_seconds,
            trusted_proxies=networks(settings.trusted_proxies),
        )
        await rpc.serve(owner.server, parts.accounts)
        rebuilds = Rebuilds(
            lambda: rebuild_read_models(settings.database_url, READ_MODELS),
            lambda: rebuild_snapshots(parts.accounts.log, EVENTS, TOMBSTONES),
        )
        await operations.serve(owner, OWNER, rebuilds)
        eraser = Eraser(OWNER, owner.pool, owner.nats.jetstream())
        await stack.enter_async_context(in_background(eraser.run(), "erasure", stop.fail))
        forgetting = forget_audit(parts.accounts.audit)
        await stack.enter_async_context(in_background(forgetting, "audit", stop.fail))
        ending = end_feeds(feeds, lambda ids: refresh_families.get_logins_of(owner.pool, ids))
        await stack.enter_async_context(in_background(ending, "end_feeds", stop.fail))
        app = create_app(parts)
        port = await stack.enter_async_context(serve_http(app, settings.host, settings.port))
        # First of all, so that whoever waits for an answer still hears that it will come.
        stack.callback(waiting.finish)
        stack.callback(feeds.finish)
        log.info("serving", host=settings.host, port=port)
        yield port


@asynccontextmanager
async def _tailing(
    owner: OwnerParts, frames: FeedFrames, stop: Stop
) -> AsyncGenerator[tuple[Waiters, Feeds]]:
    """Waiters and feeds that are told what happens, while the context is open."""
    waiting = Waiters()
    tails: dict[Source, Tail] = {}
    feeds = Feeds(frames, lambda source: tails[source].place)

    def dispatch_chat(subject: str, payload: bytes) -> None:
        waiting.dispatch(subject, payload)
        feeds.dispatch("chat", subject, payload)

    def dispatch_agent(subject: str, payload: bytes) -> None:
        feeds.dispatch("agent", subject, payload)

    def gap_in_chat() -> None:
        waiting.doubt()
        feeds.gap("chat")

    async def signal(message: Msg) -> None:
        feeds.signal(message.subject, message.data)

    async def ended(message: Msg) -> None:
        waiting.ended(message.subject, message.data)

    def tail(source: Source, dispatch: Dispatch, on_gap: Callable[[], None]) -> Tail:
        every = [event_subjects(source)]
        return Tail(owner.nats, stream_name(source), every, dispatch, on_gap)

    tails["chat"] = tail("chat", dispatch_chat, gap_in_chat)
    tails["agent"] = tail("agent", dispatch_agent, lambda: feeds.gap("agent"))
    owner.health.add("tail", _following(tails["chat"]))
    owner.health.add("tail of agent", _following(tails["agent"]))
    owner.health.readings.add("waiters", waiting.measure)
    owner.health.readings.add("feeds", feeds.measure)
    async with AsyncExitStack() as stack:
        await owner.nats.subscribe(live_subjects(), cb=signal)
        await owner.nats.subscribe(turns_ended(), cb=ended)
        for source, one in tails.items():
            name = f"tail of {source}"
            await stack.enter_async_context(in_background(one.run(), name, stop.fail))
        yield waiting, feeds


def _following(tail: Tail) -> Check:
    async def trouble() -> str | None:
        return tail.trouble

    return trouble


def open_accounts(
    settings: Settings,
    pool: Pool,
    passwords: Passwords,
    tokens: Tokens,
    on_append: Callable[[], None] = lambda: None,
) -> Accounts:
    """Everything the verbs on accounts work with."""
    return Accounts(
        pool=pool,
        log=open_log(pool, on_append),
        passwords=passwords,
        tokens=tokens,
        access=AccessCheck(tokens, lambda user_id: refresh_families.get_logins(pool, user_id)),
        audit=Audit(pool, settings.audit_days),
        registration_open=settings.registration_open,
        failed_logins_max=settings.login_rate_limit,
    )


def open_tokens(settings: Settings) -> JwtTokens:
    """What signs tokens, and reads them. Raises `KeyUnfit`."""
    if settings.jwt_secret is not None:
        keys: Keys = SharedSecret(settings.jwt_secret.get_secret_value())
    else:
        assert settings.jwt_private_key is not None
        keys = KeyPairs(
            settings.jwt_private_key.get_secret_value(), settings.jwt_other_keys.get_secret_value()
        )
    return JwtTokens(
        keys,
        timedelta(minutes=settings.access_token_minutes),
        timedelta(days=settings.refresh_token_days),
    )


def open_log(
    pool: Pool, on_append: Callable[[], None] = lambda: None
) -> EventLog[Account, AccountEvent]:
    """The log of accounts, with its read model."""
    return EventLog(
        pool=pool,
        state=TypeAdapter(Account),
        initial=Account(),
        evolve=evolve,
        projections=users.FOLDS,
        taken={users.NAME_CONSTRAINT: UsernameTaken, ERASED_USER_CONSTRAINT: UserNotFound},
        on_append=on_append,
    )
