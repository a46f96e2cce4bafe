"""`POST /api/chat/` as a stream: `accepted`, `delta`s, `message`s, then `done` or `error`.

What refuses a message answers as ever, with its status; the stream begins once it is recorded.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from http import HTTPStatus
from uuid import UUID

import orjson
from starlette.responses import Response

from lingxi_contracts.chat import MessageView, PostMessage
from lingxi_contracts.errors import Refusal
from lingxi_gateway.application.feed import Feed, Frame, Listener
from lingxi_gateway.application.outcome import Answered, Bubble, Outcome
from lingxi_gateway.application.ports import Caller
from lingxi_gateway.application.post_message import Posting, posting
from lingxi_gateway.entrypoints.http.event_stream import (
    CHUNK_BYTES,
    KEEP_ALIVE,
    KEEP_ALIVE_SECONDS,
    Chunks,
    EventStream,
    written,
)
from lingxi_gateway.entrypoints.http.parts import Parts
from lingxi_gateway.entrypoints.http.problems import refused
from lingxi_gateway.entrypoints.http.wire import chat as wire
from lingxi_gateway.entrypoints.http.wire.sessions import message

READ_SECONDS_MAX = 60.0
"""For a client that reads slowly, beyond the time that the answer may take."""

type Say = Callable[[Outcome], Awaitable[Response]]
type Finish = Callable[[Outcome | None], Awaitable[None]]
"""What is to be done once all was written (with the outcome) or the client has gone (None)."""


async def stream_answer(
    parts: Parts, caller: Caller, post: PostMessage, say: Say, finish: Finish
) -> Response:
    """Post the message; the answer to the request streams what becomes of it.

    Raises:
        Refusal: as `post_message`.
    """
    listener = Listener(
        caller.user_id, caller.family_id, caller.token_epoch, post.session_id, live_only=True
    )
    await parts.feeds.begin()
    with ExitStack() as stack:
        feed = stack.enter_context(parts.feeds.open(listener))
        posted = stack.enter_context(posting(parts.rpc, parts.waiters, post))
        await posted.send()
        opened = stack.pop_all()
    chunks = _told(feed, posted, parts.reply_wait_seconds, say, finish)
    seconds_max = parts.reply_wait_seconds + READ_SECONDS_MAX
    return EventStream(chunks, feed.end, opened.close, seconds_max)


async def _told(
    feed: Feed, posted: Posting, wait_seconds: float, say: Say, finish: Finish
) -> Chunks:
    waiting = asyncio.create_task(posted.wait(wait_seconds))
    waiting.add_done_callback(lambda _: feed.wake())
    shown: Outcome | None = None
    try:
        post = posted.post
        accepted = wire.accepted(post.session_id, post.message_id, posted.outcome.turn_id)
        yield written([Frame("accepted", orjson.dumps(accepted))])
        while not feed.ended:
            if frames := feed.take(CHUNK_BYTES):
                yield written(one for one in frames if one.event == "delta")
            elif waiting.done():
                yield written(await _end(waiting, say))
                shown = None if feed.ended or waiting.exception() else waiting.result()
                return
            elif not await feed.wait(KEEP_ALIVE_SECONDS):
                yield KEEP_ALIVE
    finally:
        waiting.cancel()
        await asyncio.wait([waiting])
        await finish(shown)


async def _end(waiting: asyncio.Task[Outcome], say: Say) -> list[Frame]:
    """The messages if there are any, and the body of the answer that is no stream."""
    try:
        outcome = waiting.result()
    except Refusal as refusal:  # the session was deleted meanwhile
        return [Frame("error", bytes(refused(refusal).body))]
    answer = await say(outcome)
    failed = answer.status_code >= HTTPStatus.BAD_REQUEST
    frames: list[Frame] = []
    if isinstance(outcome, Answered):
        frames = [_message(outcome.turn_id, bubble) for bubble in outcome.bubbles]
    return [*frames, Frame("error" if failed else "done", bytes(answer.body))]


def _message(turn_id: str, bubble: Bubble) -> Frame:
    view = MessageView(
        message_id=UUID(bubble.message_id),
        seq=bubble.seq,
        sent_at=bubble.sent_at,
        author="agent",
        text=bubble.text,
        read=False,
        turn_id=UUID(turn_id),
        bubble=bubble.place,
        delay_ms=bubble.delay_ms,
    )
    return Frame("message", b'{"message":' + message(view).model_dump_json().encode() + b"}")
