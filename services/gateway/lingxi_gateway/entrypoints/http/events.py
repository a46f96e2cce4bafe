"""`GET /api/events/`: the feed, as server-sent events."""

from contextlib import ExitStack, aclosing
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Header, Query
from starlette.requests import Request
from starlette.responses import Response

from lingxi_chassis.clock import monotonic, utc_now
from lingxi_contracts.base import Text
from lingxi_contracts.chat import GetSession
from lingxi_contracts.errors import Unavailable
from lingxi_gateway.application.catch_up import may_resume, missed_events, replies_under_way
from lingxi_gateway.application.feed import Feed, Listener, ResetReason
from lingxi_gateway.application.places import CURSOR_CHARS_MAX, Cursor
from lingxi_gateway.entrypoints.http.auth import CurrentCaller
from lingxi_gateway.entrypoints.http.event_stream import (
    CHUNK_BYTES,
    KEEP_ALIVE,
    KEEP_ALIVE_SECONDS,
    MEDIA_TYPE,
    Chunks,
    EventStream,
    written,
)
from lingxi_gateway.entrypoints.http.ids import SessionId
from lingxi_gateway.entrypoints.http.parts import Parts, parts_of
from lingxi_gateway.entrypoints.http.routers import router

STALLED_SECONDS_MAX = 5.0
"""How long a client that does not read is waited for after its token has ended."""
DESCRIPTION = """\
Server-sent events: `ready` first, then what happens, until the access token ends. Frames with an
`id` are durable: send the last one as `Last-Event-ID` (or `?after=`) and nothing is missed.
`delta` and `typing` are live only. After `reset`, read the sessions again. docs/api.md has all.
"""
RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": DESCRIPTION,
        "content": {MEDIA_TYPE: {"schema": {"type": "string"}}},
    }
}

routes = router(
    "/api/events",
    "feed",
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.NOT_FOUND,
    HTTPStatus.TOO_MANY_REQUESTS,
)
After = Annotated[
    Text | None,
    Query(max_length=CURSOR_CHARS_MAX, description="An `id`, where no header can be sent."),
]
LastEventId = Annotated[
    str | None, Header(alias="Last-Event-ID", description="The last `id` that was received.")
]


@routes.get("/", response_class=Response, responses=RESPONSES)
async def follow_events(
    request: Request,
    caller: CurrentCaller,
    session_id: SessionId | None = None,
    after: After = None,
    last_event_id: LastEventId = None,
) -> Response:
    """Everything that happens to your sessions and agents, as it happens."""
    parts = parts_of(request)
    if session_id is not None:
        await parts.rpc.call(GetSession(user_id=caller.user_id, session_id=session_id))
    listener = Listener(caller.user_id, caller.family_id, caller.token_epoch, session_id)
    given = last_event_id or after
    await parts.feeds.begin()
    with ExitStack() as stack:
        feed = stack.enter_context(parts.feeds.open(listener))
        cursor, reason = await _resumed(parts, feed, given)
        seconds = max(0.0, (caller.expires_at - utc_now()).total_seconds())
        chunks = _told(parts, feed, cursor, reason, monotonic() + seconds)
        opened = stack.pop_all()
        return EventStream(chunks, feed.end, opened.close, seconds + STALLED_SECONDS_MAX)


async def _resumed(
    parts: Parts, feed: Feed, given: str | None
) -> tuple[Cursor, ResetReason | None]:
    """Where the feed begins, and why it can't begin where the client was.

    Raises:
        Unavailable: JetStream is away.
    """
    if not given:
        return feed.start, None
    cursor = Cursor.parse(given)
    reason = await may_resume(parts.events, feed, cursor) if cursor else "expired"
    if cursor is None or reason is not None:
        feed.floor.clear()
        return feed.start, reason
    return cursor, None


async def _told(
    parts: Parts, feed: Feed, cursor: Cursor, reason: ResetReason | None, ends_at: float
) -> Chunks:
    frames = parts.frames
    yield written([frames.ready(cursor)])
    if reason is not None:
        yield written([frames.reset(reason, cursor)])
    try:
        async with aclosing(missed_events(parts.events, feed, cursor, frames)) as missed:
            async for frame in missed:
                yield written([frame])
        replies = await replies_under_way(parts.events, parts.rpc, parts.feeds, feed, frames)
    except Unavailable:
        return  # it comes again, with the last id it got
    for frame in replies:
        yield written([frame])
    while not feed.ended and (left := ends_at - monotonic()) > 0:
        if taken := feed.take(CHUNK_BYTES):
            yield written(taken)
        elif not await feed.wait(min(KEEP_ALIVE_SECONDS, left)):
            yield KEEP_ALIVE
