"""What the routes are given, and how they reach it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends
from starlette.requests import Request

from lingxi_chassis.rpc import RpcClient
from lingxi_gateway.application.ports import Caller
from lingxi_gateway.entrypoints.http.clients import Network
from lingxi_gateway.entrypoints.http.limits import Limits


@dataclass(frozen=True)
class Parts:
    """Everything behind the routes, put together by `bootstrap`."""

    rpc: RpcClient
    authenticate: Callable[[str], Awaitable[Caller]]
    """The caller of an access token. Raises `TokenInvalid`, `Unavailable`."""
    limits: Limits
    cors_origins: tuple[str, ...] = ()
    trusted_proxies: tuple[Network, ...] = ()


def parts_of(request: Request) -> Parts:
    """The parts of the app that a request came to."""
    parts: Parts = request.app.state.parts
    return parts


async def _parts(request: Request) -> Parts:
    return parts_of(request)


PartsOf = Annotated[Parts, Depends(_parts)]
"""A route's parameter `parts: PartsOf`; then `await parts.rpc.call(...)`."""
