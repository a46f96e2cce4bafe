"""`GET /api/export/`: everything that is a user's, as one JSON document, streamed.

At most a page of an owner is in memory. What goes wrong before the first byte is a problem as
everywhere; afterwards the connection is broken off, and what came is no valid JSON: nobody takes
half an export for a whole one.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import ExitStack, aclosing
from http import HTTPStatus
from uuid import UUID

import structlog
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from lingxi_chassis.clock import utc_now
from lingxi_contracts.agent import AgentView
from lingxi_contracts.errors import AgentNotFound, Refusal, SessionNotFound
from lingxi_gateway.application.export_account import (
    Pages,
    agents_of,
    begun,
    decisions_of,
    history_of,
    memories_of,
    messages_of,
    sessions_of,
    suggestions_of,
)
from lingxi_gateway.application.show_account import show_account
from lingxi_gateway.entrypoints.http.account_bodies import MeOut
from lingxi_gateway.entrypoints.http.answers import JSON, CurrentReader
from lingxi_gateway.entrypoints.http.edge import ClientAddress
from lingxi_gateway.entrypoints.http.parts import Parts, PartsOf
from lingxi_gateway.entrypoints.http.routers import router
from lingxi_gateway.entrypoints.http.wire.agents import agent, ledger_entry
from lingxi_gateway.entrypoints.http.wire.base import Shape
from lingxi_gateway.entrypoints.http.wire.export import Export
from lingxi_gateway.entrypoints.http.wire.memories import memory
from lingxi_gateway.entrypoints.http.wire.proactive import decision
from lingxi_gateway.entrypoints.http.wire.sessions import message, session
from lingxi_gateway.entrypoints.http.wire.suggestions import suggestion

EXPORT_SECONDS_MAX = 3600.0
"""A client that reads more slowly is broken off."""
FILE_NAME = "lingxi-export.json"

type Chunks = AsyncGenerator[bytes]

routes = router("/api/export", "accounts", HTTPStatus.UNAUTHORIZED, HTTPStatus.TOO_MANY_REQUESTS)
log = structlog.get_logger(__name__)


@routes.get("/", response_model=Export)
async def export(user_id: CurrentReader, address: ClientAddress, parts: PartsOf) -> Response:
    """Everything that is yours: account, agents, personalities, memories, sessions, all messages.

    It comes as it is read. Should that fail on the way, the connection is broken off and the
    document is not valid JSON; ask again then. One at a time.
    """
    with ExitStack() as stack:
        stack.enter_context(parts.exports.one_of(user_id))
        chunks = _document(parts, user_id)
        first = await anext(chunks)
        await parts.accounts.audit.record("exported", user_id, address)
        return Download(first, chunks, stack.pop_all())


class Download(StreamingResponse):
    """Writes `first` and the rest; `held` is let go at the end, whatever end that is."""

    def __init__(self, first: bytes, rest: Chunks, held: ExitStack) -> None:
        headers = {"Content-Disposition": f'attachment; filename="{FILE_NAME}"'}
        self._chunks = _after(first, rest, held)
        self._rest = rest
        self._held = held
        super().__init__(self._chunks, media_type=JSON, headers=headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer. An answer that is left unfinished is broken off by the server."""
        with self._held:
            async with aclosing(self._rest), aclosing(self._chunks):
                try:
                    async with asyncio.timeout(EXPORT_SECONDS_MAX):
                        await super().__call__(scope, receive, send)
                except Refusal as refusal:
                    log.warning("export_broken_off", code=refusal.code)
                except TimeoutError:
                    log.warning("export_broken_off", code="too_slow")


async def _after(first: bytes, rest: Chunks, held: ExitStack) -> Chunks:
    yield first
    async for chunk in rest:
        yield chunk
    held.close()  # before the client hears of the end, and may ask again


async def _document(parts: Parts, user_id: UUID) -> Chunks:
    """The document. Its first chunk comes once every owner has answered, of the first session."""
    account = MeOut.of(await show_account(parts.accounts, user_id))
    agents = await begun(agents_of(parts.rpc, user_id))
    sessions = await begun(_sessions(parts, user_id))
    at = utc_now().isoformat().replace("+00:00", "Z")
    yield f'{{"exported_at":"{at}","account":{account.model_dump_json()},"agents":['.encode()
    async for chunk in _listed(_agents(parts, user_id, agents)):
        yield chunk
    yield b'],"sessions":['
    async for chunk in _listed(sessions):
        yield chunk
    # Where the account was deleted meanwhile, its owners have simply come to an end.
    await show_account(parts.accounts, user_id)
    yield b"]}"


async def _agents(parts: Parts, user_id: UUID, pages: Pages[AgentView]) -> AsyncGenerator[Chunks]:
    async for page in pages:
        for view in page:
            try:
                memories = await begun(memories_of(parts.rpc, user_id, view.agent_id))
                history = await begun(history_of(parts.rpc, user_id, view.agent_id))
            except AgentNotFound:
                continue  # deleted since the page was read
            yield _object(
                agent(view, parts.default_model),
                memories=_written(memories, memory),
                personality_history=_written(history, ledger_entry),
            )


async def _sessions(parts: Parts, user_id: UUID) -> AsyncGenerator[Chunks]:
    async for page in sessions_of(parts.rpc, user_id):
        for view in page:
            try:
                suggestions = await begun(suggestions_of(parts.rpc, user_id, view))
                messages = await begun(messages_of(parts.rpc, user_id, view.session_id))
                decisions = await begun(decisions_of(parts.rpc, user_id, view.session_id))
            except SessionNotFound:
                continue  # deleted since the page was read
            yield _object(
                session(view),
                personality_suggestions=_written(suggestions, suggestion),
                messages=_written(messages, message),
                decisions=_written(decisions, decision),
            )


async def _object(shape: Shape, **lists: Chunks) -> Chunks:
    """A shape as JSON with lists as its last members."""
    yield shape.model_dump_json(exclude=set(lists))[:-1].encode()
    for member, chunks in lists.items():
        yield f',"{member}":['.encode()
        async for chunk in chunks:
            yield chunk
        yield b"]"
    yield b"}"


async def _written[T](pages: Pages[T], shape_of: Callable[[T], Shape]) -> Chunks:
    """The items of a list, a chunk a page."""
    comma = ""
    async for page in pages:
        if page:
            yield (comma + ",".join(shape_of(one).model_dump_json() for one in page)).encode()
            comma = ","


async def _listed(items: AsyncGenerator[Chunks]) -> Chunks:
    comma = b""
    async for item in items:
        yield comma
        async for chunk in item:
            yield chunk
        comma = b","
