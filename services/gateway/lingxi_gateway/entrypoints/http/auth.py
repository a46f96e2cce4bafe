"""Who calls: the bearer token of a request, checked."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Security
from fastapi.security import HTTPBearer
from starlette.requests import HTTPConnection

from lingxi_gateway.application.ports import Caller
from lingxi_gateway.domain.refusals import NotAuthenticated
from lingxi_gateway.entrypoints.http.parts import Parts

BEARER = "bearer"


class _AccessToken(HTTPBearer):
    """One dependency that documents itself in OpenAPI and checks the token."""

    # HTTPBearer answers the credentials; ours answers whose they are.
    async def __call__(self, request: HTTPConnection) -> Caller:  # type: ignore[override]
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != BEARER or not token:
            raise NotAuthenticated
        parts: Parts = request.app.state.parts
        return await parts.accounts.access(token.strip())


_access_token = _AccessToken(
    scheme_name="access token", bearerFormat="JWT", description="`access` of a login or refresh."
)

CurrentCaller = Annotated[Caller, Security(_access_token)]
"""The caller with login and end of the token. Raises `NotAuthenticated`, `TokenInvalid`."""


async def _user_id(caller: CurrentCaller) -> UUID:
    return caller.user_id


CurrentUser = Annotated[UUID, Depends(_user_id)]
"""The id of the user whose token this is. Raises as `CurrentCaller`."""
