"""The span of a request, where traces are kept: the first of its trace, mostly.

A trusted proxy may have begun the trace; of anybody else's `traceparent` nothing is taken over,
else one client could fill another's trace, or see to it that its own requests are never kept.
"""

from collections.abc import Sequence
from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lingxi_chassis import tracing
from lingxi_chassis.tracing import Kind
from lingxi_gateway.entrypoints.http.clients import Network, is_trusted
from lingxi_gateway.entrypoints.http.edge import route_of


class Traced:
    """ASGI middleware, within `Edge`."""

    def __init__(self, app: ASGIApp, trusted_proxies: Sequence[Network]) -> None:
        self._app = app
        self._trusted_proxies = trusted_proxies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request within its span."""
        if scope["type"] != "http" or not tracing.is_on():
            await self._app(scope, receive, send)
            return
        method = scope["method"]
        with (
            tracing.joined(self._caused_by(scope)),
            tracing.span(method, Kind.ANSWERS) as span,
        ):

            async def send_told(message: Message) -> None:
                if message["type"] == "http.response.start":
                    status: int = message["status"]
                    span.tell("http.response.status_code", status)
                    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                        span.failed(str(status))
                await send(message)

            try:
                await self._app(scope, receive, send_told)
            finally:
                span.rename(f"{method} {route_of(scope)}")

    def _caused_by(self, scope: Scope) -> str | None:
        peer = scope["client"][0] if scope.get("client") else ""
        if not is_trusted(peer, self._trusted_proxies):
            return None
        return Headers(scope=scope).get(tracing.HEADER)
