"""`/api/sessions/{id}/messages/` and `/read/`: what was said, page by page, and how far read."""

from http import HTTPStatus
from typing import Annotated

from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response

from lingxi_chassis.ids import new_id
from lingxi_contracts.chat import MESSAGES_PAGE_MAX, EditMessage, ListMessages, ReadMessages
from lingxi_contracts.errors import InvalidInput
from lingxi_gateway.application.list_messages import list_messages
from lingxi_gateway.entrypoints.http.answers import CurrentReader, done, shown
from lingxi_gateway.entrypoints.http.auth import CurrentUser
from lingxi_gateway.entrypoints.http.ids import MessageId, SessionId
from lingxi_gateway.entrypoints.http.links import same_url
from lingxi_gateway.entrypoints.http.model_calls import ModelCaller
from lingxi_gateway.entrypoints.http.parts import PartsOf
from lingxi_gateway.entrypoints.http.problems import documented
from lingxi_gateway.entrypoints.http.routers import router
from lingxi_gateway.entrypoints.http.wire.base import KeysetPage
from lingxi_gateway.entrypoints.http.wire.sessions import (
    EditBody,
    Message,
    ReadBody,
    TurnAccepted,
    message,
)

SEQ_MAX = 2**31 - 1
MAY_NOT = documented(HTTPStatus.CONFLICT, HTTPStatus.TOO_MANY_REQUESTS)

routes = router(
    "/api/sessions/{session_id}", "messages", HTTPStatus.UNAUTHORIZED, HTTPStatus.NOT_FOUND
)


@routes.get("/messages/", response_model=KeysetPage[Message])
async def get_messages(
    *,
    request: Request,
    session_id: SessionId,
    user_id: CurrentReader,
    parts: PartsOf,
    before: Annotated[int | None, Query(ge=1, le=SEQ_MAX, description="A seq.")] = None,
    after: Annotated[int | None, Query(ge=0, le=SEQ_MAX, description="A seq.")] = None,
    limit: Annotated[int, Query(ge=1, le=MESSAGES_PAGE_MAX)] = MESSAGES_PAGE_MAX,
    superseded: Annotated[bool, Query(description="Show replaced messages too.")] = False,
) -> Response:
    """Messages ascending: right before or after a seq, or the newest. Marks nothing as read."""
    if before is not None and after is not None:
        said = "give before or after, not both"
        raise InvalidInput(errors=[{"loc": ["query"], "msg": said, "type": "value_error"}])
    question = ListMessages(
        user_id=user_id,
        session_id=session_id,
        before=before,
        after=after,
        limit=limit,
        superseded=superseded,
    )
    page = await list_messages(parts.rpc, question)
    # An empty page stands at its own edge.
    first = page.results[0].seq if page.results else (after or 0) + 1
    last = page.results[-1].seq if page.results else (before or 1) - 1
    shape = KeysetPage(
        results=[message(view) for view in page.results],
        next=same_url(request, before=None, after=last) if page.newer else None,
        previous=same_url(request, after=None, before=first) if page.older else None,
    )
    return shown(shape)


@routes.post("/read/", status_code=204)
async def read_messages(
    session_id: SessionId, body: ReadBody, user_id: CurrentUser, parts: PartsOf
) -> Response:
    """You have seen the agent's messages up to this one."""
    await parts.rpc.call(ReadMessages(user_id=user_id, session_id=session_id, up_to=body.up_to))
    return done()


@routes.patch(
    "/messages/{message_id}/",
    status_code=202,
    response_model=TurnAccepted,
    responses=MAY_NOT,
)
async def edit_message(
    session_id: SessionId,
    message_id: MessageId,
    body: EditBody,
    caller: ModelCaller,
    parts: PartsOf,
) -> Response:
    """Say your newest message in other words: what followed is replaced. 409: not the newest."""
    command = EditMessage(
        user_id=caller.user_id,
        session_id=session_id,
        message_id=message_id,
        new_message_id=new_id(),
        turn_id=new_id(),
        text=body.message,
    )
    queued = await parts.rpc.call(command)
    return shown(TurnAccepted(turn_id=queued.turn_id), HTTPStatus.ACCEPTED)
