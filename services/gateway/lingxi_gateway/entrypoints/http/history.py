"""`GET /api/chat/history/`: sessions with their messages at once."""

from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response

from lingxi_contracts.chat import (
    GetHistory,
    GetSession,
    ListMessages,
    MessagePage,
    SessionHistory,
)
from lingxi_gateway.application.list_messages import list_messages
from lingxi_gateway.entrypoints.http.answers import OWNER_PAGES_MAX, CurrentReader, shown
from lingxi_gateway.entrypoints.http.ids import SessionId
from lingxi_gateway.entrypoints.http.links import same_url, url_of
from lingxi_gateway.entrypoints.http.parts import Parts, PartsOf
from lingxi_gateway.entrypoints.http.problems import documented
from lingxi_gateway.entrypoints.http.routers import router
from lingxi_gateway.entrypoints.http.wire.sessions import (
    History,
    SessionWithPrevious,
    session_with_previous,
)

SESSIONS_MAX = 100
OFFSET_MAX = 100_000_000

routes = router("/api/chat/history", "chat", HTTPStatus.UNAUTHORIZED)


@routes.get("/", response_model=History, responses=documented(HTTPStatus.NOT_FOUND))
async def get_history(
    *,
    request: Request,
    user_id: CurrentReader,
    parts: PartsOf,
    session_id: SessionId | None = None,
    limit: Annotated[int, Query(ge=1, le=SESSIONS_MAX, description="Sessions.")] = SESSIONS_MAX,
    offset: Annotated[int, Query(ge=0, le=OFFSET_MAX, description="Newer sessions.")] = 0,
) -> Response:
    """The newest sessions with 20 messages each, or one with 200. Marks nothing as read."""
    behind: int | None = None
    if session_id is None:
        found, behind = await _newest(parts, user_id, offset, limit)
    else:
        found = [await _one(parts, user_id, session_id)]
    more = same_url(request, offset=behind) if behind is not None else None
    return shown(History(sessions=[_shape(request, one) for one in found], next=more))


async def _newest(
    parts: Parts, user_id: UUID, offset: int, limit: int
) -> tuple[list[SessionHistory], int | None]:
    """Sessions from that one on, and which is the next; None: there is none."""
    found: list[SessionHistory] = []
    at: int | None = offset
    for _ in range(OWNER_PAGES_MAX):
        question = GetHistory(user_id=user_id, offset=at, limit=limit - len(found))
        page = await parts.rpc.call(question)
        found += page.results
        at = page.next_offset if page.results else None
        if at is None or len(found) >= limit:
            break
    return found, at


async def _one(parts: Parts, user_id: UUID, session_id: UUID) -> SessionHistory:
    view = await parts.rpc.call(GetSession(user_id=user_id, session_id=session_id))
    page = await list_messages(parts.rpc, ListMessages(user_id=user_id, session_id=session_id))
    return SessionHistory(session=view, messages=page)


def _shape(request: Request, one: SessionHistory) -> SessionWithPrevious:
    previous = _previous(request, one.session.session_id, one.messages)
    return session_with_previous(one.session, one.messages.results, previous)


def _previous(request: Request, session_id: UUID, page: MessagePage) -> str | None:
    if not page.older or not page.results:
        return None
    path = f"/api/sessions/{session_id}/messages/"
    return url_of(request, path, before=page.results[0].seq)
