"""The limit on what costs a model call, for the routes that do."""

from typing import Annotated

from fastapi import Depends, Security
from starlette.requests import HTTPConnection, Request

from lingxi_gateway.application.ports import Caller
from lingxi_gateway.entrypoints.http.auth import AccessToken, CurrentUser
from lingxi_gateway.entrypoints.http.parts import parts_of


async def _count(user_id: CurrentUser, request: Request) -> None:
    parts_of(request).limits.model_calls.count(user_id)


CountsAsModelCall = Depends(_count)
"""For `dependencies=[...]` of a route. Raises `TooManyRequests`."""


class _CountedCaller(AccessToken):
    async def __call__(self, request: HTTPConnection) -> Caller:  # type: ignore[override]
        caller = await self.caller(request)
        request.app.state.parts.limits.model_calls.count(caller.user_id)
        return caller


ModelCaller = Annotated[Caller, Security(_CountedCaller())]
"""`CurrentCaller`, and the request counts: on the busiest route two dependencies would check the
token twice. Raises as both."""
