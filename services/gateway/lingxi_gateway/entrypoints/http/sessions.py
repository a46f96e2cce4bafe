"""`/api/sessions/`: conversations."""

from contextlib import suppress
from http import HTTPStatus
from typing import Annotated, Literal
from uuid import UUID

from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response

from lingxi_chassis.ids import new_id
from lingxi_contracts.agent import GetAgent, GetSuggestion, PersonalitySuggestion
from lingxi_contracts.base import Text
from lingxi_contracts.chat import (
    SEARCH_CHARS_MAX,
    DeleteSession,
    GetSession,
    ListMessages,
    ListSessions,
    MessageView,
    ReadMessages,
    RenameSession,
    SessionPage,
    SessionView,
    StartSession,
)
from lingxi_contracts.errors import Refusal
from lingxi_gateway.application.list_messages import list_messages
from lingxi_gateway.entrypoints.http.answers import CurrentReader, done, shown
from lingxi_gateway.entrypoints.http.auth import CurrentUser
from lingxi_gateway.entrypoints.http.ids import AgentId, SessionId
from lingxi_gateway.entrypoints.http.paging import Paging, page_of, whole_page
from lingxi_gateway.entrypoints.http.parts import Parts, PartsOf
from lingxi_gateway.entrypoints.http.problems import documented
from lingxi_gateway.entrypoints.http.routers import router
from lingxi_gateway.entrypoints.http.wire.base import Page
from lingxi_gateway.entrypoints.http.wire.sessions import (
    Session,
    SessionBody,
    Summary,
    TitleBody,
    session,
    summary,
)

NOT_FOUND = documented(HTTPStatus.NOT_FOUND)

routes = router("/api/sessions", "sessions", HTTPStatus.UNAUTHORIZED)


@routes.get("/", response_model=Page[Session], responses=NOT_FOUND)
async def list_sessions(
    *,
    request: Request,
    user_id: CurrentReader,
    parts: PartsOf,
    query: Paging,
    q: Annotated[Text, Query(max_length=SEARCH_CHARS_MAX, description="Part of a title.")] = "",
    agent_id: AgentId | None = None,
    order: Literal["started", "activity"] = "started",
) -> Response:
    """Your sessions, newest first, without their messages."""

    async def ask(offset: int, limit: int) -> SessionPage:
        return await parts.rpc.call(
            ListSessions(
                user_id=user_id,
                offset=offset,
                limit=limit,
                order=order,
                agent_id=agent_id,
                query=q,
            )
        )

    if agent_id is not None:  # chat would find no sessions of an agent that there is not
        await parts.rpc.call(GetAgent(user_id=user_id, agent_id=agent_id))
    count, views = await whole_page(ask, query)
    return shown(page_of(request, query, count, [session(view) for view in views]))


@routes.post("/", status_code=201, response_model=Session, responses=NOT_FOUND)
async def start_session(body: SessionBody, user_id: CurrentUser, parts: PartsOf) -> Response:
    """Open a session with an agent."""
    command = StartSession(user_id=user_id, session_id=new_id(), agent_id=body.agent_configuration)
    return shown(session(await parts.rpc.call(command)), HTTPStatus.CREATED)


@routes.get("/{session_id}/", response_model=Session, responses=NOT_FOUND)
async def get_session(
    session_id: SessionId, user_id: CurrentReader, parts: PartsOf, mark_read: bool = True
) -> Response:
    """A session with its newest 200 messages; the agent's count as read from now on."""
    view = await parts.rpc.call(GetSession(user_id=user_id, session_id=session_id))
    page = await list_messages(parts.rpc, ListMessages(user_id=user_id, session_id=session_id))
    messages = page.results
    if mark_read:
        view, messages = await _read(parts, user_id, view, messages)
    return shown(session(view, messages, await _waiting(parts, user_id, view)))


async def _waiting(parts: Parts, user_id: UUID, view: SessionView) -> PersonalitySuggestion | None:
    """The suggestion that waits. A session is shown also while agent is away."""
    if view.suggestion_id is None:
        return None
    question = GetSuggestion(user_id=user_id, agent_id=view.agent_id, session_id=view.session_id)
    with suppress(Refusal):
        return (await parts.rpc.call(question)).suggestion
    return None


async def _read(
    parts: Parts, user_id: UUID, view: SessionView, messages: tuple[MessageView, ...]
) -> tuple[SessionView, tuple[MessageView, ...]]:
    """Mark all that the agent said as read, and show it so."""
    said = [one for one in messages if one.author == "agent"]
    if not said or (said[-1].read and not view.unread_count):
        return view, messages
    await parts.rpc.call(
        ReadMessages(user_id=user_id, session_id=view.session_id, up_to=said[-1].message_id)
    )
    return (
        view.model_copy(
            update={
                "unread_count": 0,
                "first_unread_id": None,
                "last_message": view.last_message and _as_read(view.last_message),
            }
        ),
        tuple(map(_as_read, messages)),
    )


def _as_read(message: MessageView) -> MessageView:
    if message.author == "user" or message.read:
        return message
    return message.model_copy(update={"read": True})


@routes.patch("/{session_id}/", response_model=Session, responses=NOT_FOUND)
async def rename_session(
    session_id: SessionId, body: TitleBody, user_id: CurrentUser, parts: PartsOf
) -> Response:
    """Choose a title; no summary overwrites it."""
    command = RenameSession(user_id=user_id, session_id=session_id, title=body.title)
    return shown(session(await parts.rpc.call(command)))


@routes.delete("/{session_id}/", status_code=204, responses=NOT_FOUND)
async def delete_session(session_id: SessionId, user_id: CurrentUser, parts: PartsOf) -> Response:
    """Delete a session for good."""
    await parts.rpc.call(DeleteSession(user_id=user_id, session_id=session_id))
    return done()


@routes.get("/{session_id}/summary/", response_model=Summary, responses=NOT_FOUND)
async def get_summary(session_id: SessionId, user_id: CurrentReader, parts: PartsOf) -> Response:
    """What the session was about so far."""
    view = await parts.rpc.call(GetSession(user_id=user_id, session_id=session_id))
    return shown(summary(view))
