"""How routes answer: shapes written once, straight to bytes."""

from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import Depends
from starlette.responses import Response

from lingxi_gateway.entrypoints.http.auth import CurrentUser
from lingxi_gateway.entrypoints.http.parts import PartsOf
from lingxi_gateway.entrypoints.http.wire.base import Shape

JSON = "application/json"
OWNER_PAGES_MAX = 8
"""Of an owner (`lingxi_chassis.rpc.ANSWER_BYTES_MAX` each) in one answer: what is more is behind
its `next`."""


def shown(shape: Shape, status: HTTPStatus = HTTPStatus.OK) -> Response:
    """An answer with a body; FastAPI would validate and convert it once more."""
    return Response(shape.model_dump_json(), status.value, media_type=JSON)


def done() -> Response:
    """An answer that has nothing to tell."""
    return Response(status_code=HTTPStatus.NO_CONTENT.value)


async def _reader(user_id: CurrentUser, parts: PartsOf) -> UUID:
    await parts.read_marks.flush(user_id)
    return user_id


CurrentReader = Annotated[UUID, Depends(_reader)]
"""As `CurrentUser`, for routes that show sessions: what the user was shown is marked as read."""
