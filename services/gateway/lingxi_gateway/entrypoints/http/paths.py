"""Paths end in `/`; without it they answer the same: no redirect, one entry in OpenAPI."""

from starlette.types import ASGIApp, Receive, Scope, Send

PREFIX = "/api/"


class SlashAtEnd:
    """ASGI middleware: gives every path below `/api/` its slash at the end."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on under its full path (in place: the access log reads the scope)."""
        if scope["type"] == "http":
            path: str = scope["path"]
            if path.startswith(PREFIX) and not path.endswith("/"):
                scope["path"] = path + "/"
        await self._app(scope, receive, send)
