"""What the routes are given, and how they reach it."""

from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection

from lingxi_chassis.rpc import RpcClient
from lingxi_gateway.application.accounts import Accounts
from lingxi_gateway.application.catch_up import StoredEvents
from lingxi_gateway.application.export_account import Exports
from lingxi_gateway.application.feeds import Feeds
from lingxi_gateway.application.read_marks import ReadMarks
from lingxi_gateway.application.waiters import Waiters
from lingxi_gateway.entrypoints.http.clients import Network
from lingxi_gateway.entrypoints.http.limits import Limits
from lingxi_gateway.entrypoints.http.wire.feed import FeedFrames


@dataclass(frozen=True)
class Parts:
    """Everything behind the routes, put together by `bootstrap`."""

    rpc: RpcClient
    accounts: Accounts
    limits: Limits
    waiters: Waiters
    read_marks: ReadMarks
    feeds: Feeds
    frames: FeedFrames
    events: StoredEvents
    reply_wait_seconds: float
    """How long a chat request waits for its answer before it says 202."""
    default_model: str
    """What agents use that name no model: the operator's setting."""
    cors_origins: tuple[str, ...] = ()
    trusted_proxies: tuple[Network, ...] = ()
    hsts_seconds: int = 0
    exports: Exports = field(default_factory=Exports)


def parts_of(request: HTTPConnection) -> Parts:
    """The parts of the app that a request came to."""
    parts: Parts = request.app.state.parts
    return parts


async def _parts(request: HTTPConnection) -> Parts:
    return parts_of(request)


PartsOf = Annotated[Parts, Depends(_parts)]
"""A route's parameter `parts: PartsOf`; then `await parts.rpc.call(...)`."""
