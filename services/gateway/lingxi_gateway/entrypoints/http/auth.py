"""Who calls: the bearer token of a request, checked."""

from typing import Annotated
from uuid import UUID

from fastapi import Security
from fastapi.security import HTTPBearer
from starlette.requests import HTTPConnection

from lingxi_gateway.application.ports import Caller
from lingxi_gateway.domain.refusals import NotAuthenticated
from lingxi_gateway.entrypoints.http.parts import parts_of

BEARER = "bearer"


class AccessToken(HTTPBearer):
    """One dependency that documents itself in OpenAPI and checks the token.

    HTTPBearer answers the credentials, ours whose they are; a dependency of its own for each
    answer, because every level of dependencies costs each request.
    """

    def __init__(self) -> None:
        super().__init__(
            scheme_name="access token",
            bearerFormat="JWT",
            description="`access` of a login or a refresh.",
        )

    async def caller(self, request: HTTPConnection) -> Caller:
        """Whose token this is. Raises `NotAuthenticated`, `TokenInvalid`."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != BEARER or not token:
            raise NotAuthenticated
        return await parts_of(request).accounts.access(token.strip())


class _CallerOf(AccessToken):
    async def __call__(self, request: HTTPConnection) -> Caller:  # type: ignore[override]
        return await self.caller(request)


class _UserOf(AccessToken):
    async def __call__(self, request: HTTPConnection) -> UUID:  # type: ignore[override]
        return (await self.caller(request)).user_id


CurrentCaller = Annotated[Caller, Security(_CallerOf())]
"""The caller with login and end of the token. Raises `NotAuthenticated`, `TokenInvalid`."""

CurrentUser = Annotated[UUID, Security(_UserOf())]
"""The id of the user whose token this is. Raises as `CurrentCaller`."""
