"""The limit on what costs a model call, for the routes that do."""

from fastapi import Depends
from starlette.requests import Request

from lingxi_gateway.entrypoints.http.auth import CurrentUser
from lingxi_gateway.entrypoints.http.parts import parts_of


async def _count(user_id: CurrentUser, request: Request) -> None:
    parts_of(request).limits.model_calls.count(user_id)


CountsAsModelCall = Depends(_count)
"""For `dependencies=[...]` of a route. Raises `TooManyRequests`."""
