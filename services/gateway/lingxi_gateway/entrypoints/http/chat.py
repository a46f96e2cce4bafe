"""`POST /api/chat/`: say something, and get the answer."""

from hashlib import sha256
from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import Header
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response

from lingxi_chassis.ids import new_id
from lingxi_contracts.chat import PostMessage
from lingxi_contracts.identity import derived_message_id, derived_session_id
from lingxi_gateway.application.news import Texts, texts_of_news
from lingxi_gateway.application.outcome import Answered, Failed, Outcome
from lingxi_gateway.application.post_message import post_message
from lingxi_gateway.entrypoints.http.answers import JSON
from lingxi_gateway.entrypoints.http.chat_stream import stream_answer
from lingxi_gateway.entrypoints.http.event_stream import MEDIA_TYPE as MEDIA_TYPE_STREAM
from lingxi_gateway.entrypoints.http.hanging_up import has_hung_up
from lingxi_gateway.entrypoints.http.model_calls import ModelCaller
from lingxi_gateway.entrypoints.http.parts import parts_of
from lingxi_gateway.entrypoints.http.problems import MEDIA_TYPE, documented, problem
from lingxi_gateway.entrypoints.http.routers import router
from lingxi_gateway.entrypoints.http.wire import chat as wire

KEY_CHARS_MAX = 255

routes = router(
    "/api/chat",
    "chat",
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.NOT_FOUND,
    HTTPStatus.TOO_MANY_REQUESTS,
)
IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=KEY_CHARS_MAX,
        pattern=r"^[\x21-\x7e]+$",
        description="Visible ASCII. A repeat with the same key and body says nothing twice:"
        " it gets the same answer, or waits for it.",
    ),
]
RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The answer; as a stream: " + wire.STREAM,
        "content": {MEDIA_TYPE_STREAM: {"schema": {"type": "string"}}},
    },
    202: {"model": wire.ChatPending, "description": "The answer takes longer."},
    502: {
        "description": "The model failed; the message is kept, and can be retried.",
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ChatFailure"}}},
    },
    **documented(HTTPStatus.SERVICE_UNAVAILABLE),
}


@routes.post("/", response_model=wire.ChatAnswer, responses=RESPONSES)
async def post_chat(
    request: Request,
    body: wire.ChatBody,
    caller: ModelCaller,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Say something to an agent and wait for its answer. Hanging up stops nothing.

    Everybody whose message a turn took gets that turn's answer.
    """
    parts = parts_of(request)  # as a dependency it would cost each request its resolving
    user_id = caller.user_id
    post = _post(body, user_id, idempotency_key)
    marks = parts.read_marks
    # A post marks what the agent said before as read; a repeat does not, so it is kept for then.
    held = marks.drop(user_id, post.session_id) if body.mark_read else None

    async def say(outcome: Outcome) -> Response:
        texts = await texts_of_news(parts.rpc, user_id, post.session_id, outcome)
        return _answer(post, outcome, texts)

    async def finish(outcome: Outcome | None) -> None:
        """Note how far the user has read: up to the answer, if it was written out."""
        up_to = held
        if isinstance(outcome, Answered) and body.mark_read:
            last = UUID(outcome.bubbles[-1].message_id)
            up_to = max(last, held) if held else last  # a repeat's answer may be older
        if up_to is not None:
            await marks.note(user_id, post.session_id, up_to)

    try:
        if body.stream or wants_stream(request):
            return await stream_answer(parts, caller, post, say, finish)
        outcome = await post_message(parts.rpc, parts.waiters, post, parts.reply_wait_seconds)
        answer = await say(outcome)
    except BaseException:
        await finish(None)
        raise
    seen = isinstance(outcome, Answered) and not has_hung_up(request)
    answer.background = BackgroundTask(finish, outcome if seen else None)
    return answer


def wants_stream(request: Request) -> bool:
    """Whether the client accepts a stream, and says so by its name."""
    return MEDIA_TYPE_STREAM in request.headers.get("accept", "")


def _post(body: wire.ChatBody, user_id: UUID, key: str | None) -> PostMessage:
    """The command; with a key its ids derive from it, so that a repeat finds the first one."""
    asked = [body.message, body.session_id, body.agent_id]
    new_session_id = derived_session_id(user_id, key) if key else new_id()
    return PostMessage.model_construct(
        user_id=user_id,
        session_id=body.session_id or new_session_id,
        message_id=derived_message_id(user_id, key) if key else new_id(),
        text=body.message,
        agent_id=body.agent_id,
        create_session=body.session_id is None,
        mark_read=body.mark_read,
        request_hash=sha256(orjson.dumps(asked)).hexdigest(),
    )


def _answer(post: PostMessage, outcome: Outcome, texts: Texts) -> Response:
    if isinstance(outcome, Failed):
        facts = wire.failure(post.session_id, post.message_id, outcome)
        return problem(HTTPStatus.BAD_GATEWAY, outcome.code, outcome.detail, facts)
    if isinstance(outcome, Answered):
        said = wire.answer(post.session_id, post.message_id, outcome, texts)
        return Response(orjson.dumps(said), media_type=JSON)
    waits = wire.pending(post.session_id, post.message_id, outcome)
    return Response(orjson.dumps(waits), HTTPStatus.ACCEPTED.value, media_type=JSON)
