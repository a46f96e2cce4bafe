"""Around every request: correlation id, limit by address, headers, access log, last resort.

One pure ASGI layer, because each costs every request. The access log has method, route, status and
milliseconds: no path (it holds ids), no query, no text.
"""

import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Annotated

import structlog
from fastapi import Depends
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lingxi_chassis import context
from lingxi_chassis.clock import monotonic
from lingxi_contracts.errors import Refusal
from lingxi_gateway.entrypoints.http.clients import Network, client_address
from lingxi_gateway.entrypoints.http.limits import Window
from lingxi_gateway.entrypoints.http.measures import count_request
from lingxi_gateway.entrypoints.http.problems import problem, refused

REQUEST_ID_HEADER = "X-Request-ID"
CLIENT_ADDRESS_KEY = "lingxi.client_address"
"""Where the scope keeps the client's address."""
type RawHeader = tuple[bytes, bytes]

_request_id_name = REQUEST_ID_HEADER.lower().encode()
_request_id = re.compile(r"[A-Za-z0-9._-]{1,128}")
log = structlog.get_logger("lingxi_gateway.http")


class Edge:
    """See the module."""

    def __init__(
        self,
        app: ASGIApp,
        requests: Window,
        trusted_proxies: Sequence[Network],
        headers: Mapping[str, str],
    ) -> None:
        self._app = app
        self._headers: list[RawHeader] = [
            (name.lower().encode(), value.encode()) for name, value in headers.items()
        ]
        self._requests = requests
        self._trusted_proxies = trusted_proxies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, whatever happens within."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = answered = monotonic()
        headers = Headers(scope=scope)
        given = headers.get(REQUEST_ID_HEADER, "")
        context.begin(given if _request_id.fullmatch(given) else None)
        status = 0

        async def send_marked(message: Message) -> None:
            nonlocal answered, status
            if message["type"] == "http.response.start":
                status, answered = message["status"], monotonic()
                own: list[RawHeader] = list(message.get("headers", ()))
                names = {name for name, _ in own}
                own += [header for header in self._headers if header[0] not in names]
                own.append((_request_id_name, context.correlation_id().encode()))
                message["headers"] = own
            await send(message)

        peer = scope["client"][0] if scope.get("client") else ""
        scope[CLIENT_ADDRESS_KEY] = client = client_address(
            peer, ",".join(headers.getlist("x-forwarded-for")), self._trusted_proxies
        )
        try:
            self._requests.count(client)
            await self._app(scope, receive, send_marked)
        except Refusal as refusal:
            await refused(refusal)(scope, receive, send_marked)
        except Exception:
            log.exception("request_failed", route=route_of(scope))
            if status:  # the answer is under way: all that is left is to break it off
                raise
            failed = problem(
                HTTPStatus.INTERNAL_SERVER_ERROR, "internal_error", "Something failed on our side."
            )
            await failed(scope, receive, send_marked)
        finally:
            route = route_of(scope)
            count_request(scope["method"], route, status, answered - began)
            log.info(
                "request",
                method=scope["method"],
                route=route,
                status=status,
                ms=round((monotonic() - began) * 1000, 1),
            )


async def _client_address(request: Request) -> str:
    address: str = request.scope[CLIENT_ADDRESS_KEY]
    return address


ClientAddress = Annotated[str, Depends(_client_address)]
"""A route's parameter: from where the request comes, as limits count it."""


def route_of(scope: Scope) -> str:
    """The template of the route that took the request; `-` for none."""
    return getattr(scope.get("route"), "path", "-")
