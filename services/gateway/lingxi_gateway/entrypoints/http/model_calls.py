"""The limit on what costs a model call, for the routes that do."""

from typing import Annotated

from fastapi import Security
from starlette.requests import HTTPConnection

from lingxi_gateway.application.ports import Caller
from lingxi_gateway.entrypoints.http.auth import AccessToken
from lingxi_gateway.entrypoints.http.parts import parts_of


class _CountedCaller(AccessToken):
    async def __call__(self, request: HTTPConnection) -> Caller:  # type: ignore[override]
        caller = await self.caller(request)
        parts_of(request).limits.model_calls.count(caller.user_id)
        return caller


ModelCaller = Annotated[Caller, Security(_CountedCaller())]
"""As `CurrentCaller`, and the request counts. Raises as that one, and `TooManyRequests`."""
