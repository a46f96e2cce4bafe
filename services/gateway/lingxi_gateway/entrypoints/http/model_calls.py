"""The limit on what costs a model call, for the routes that do."""

from fastapi import Depends

from lingxi_gateway.entrypoints.http.auth import CurrentUser
from lingxi_gateway.entrypoints.http.parts import PartsOf


async def _count(user_id: CurrentUser, parts: PartsOf) -> None:
    parts.limits.model_calls.count(user_id)


CountsAsModelCall = Depends(_count)
"""For `dependencies=[...]` of a route. Raises `TooManyRequests`."""
