"""The public HTTP application: routers, failures, and the layers around them."""

from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.middleware import Middleware
from fastapi.openapi.utils import get_openapi

from lingxi_gateway.entrypoints.http import (
    accounts,
    agents,
    asyncapi,
    chat,
    events,
    export,
    history,
    keys,
    memories,
    messages,
    proactive,
    sessions,
    suggestions,
    turns,
    web,
)
from lingxi_gateway.entrypoints.http.cors import Cors
from lingxi_gateway.entrypoints.http.edge import Edge
from lingxi_gateway.entrypoints.http.failures import answer_failures
from lingxi_gateway.entrypoints.http.parts import Parts
from lingxi_gateway.entrypoints.http.paths import SlashAtEnd
from lingxi_gateway.entrypoints.http.problems import InvalidProblem, Problem, documented
from lingxi_gateway.entrypoints.http.security_headers import headers_of_all
from lingxi_gateway.entrypoints.http.traced import Traced
from lingxi_gateway.entrypoints.http.wire.chat import ChatFailure

ROUTERS: tuple[APIRouter, ...] = (
    chat.routes,
    accounts.routes,
    agents.routes,
    sessions.routes,
    messages.routes,
    turns.routes,
    memories.routes,
    suggestions.routes,
    proactive.routes,
    events.routes,
    history.routes,
    export.routes,
    asyncapi.routes,
    keys.routes,
)
"""The busiest first: a request is matched against one route after the other."""
DESCRIPTION = """\
AI companions that remember, adapt under your eyes, and write first when it makes sense.

Register, log in, and send the access token as `Authorization: Bearer …`. Paths end in `/`, and
answer the same without it. Errors are problems (RFC 9457).
"""


def create_app(parts: Parts) -> FastAPI:
    """The application over its parts; it holds nothing of its own."""
    headers = headers_of_all(parts.hsts_seconds)
    app = FastAPI(
        title="Lingxi",
        version="1",
        description=DESCRIPTION,
        openapi_url="/openapi.json",
        # FastAPI's pages load their scripts from elsewhere: nothing here may depend on that.
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        middleware=[
            # Outermost, so that a page of another origin can read failures too.
            Middleware(Cors, parts.cors_origins, headers),
            Middleware(Edge, parts.limits.requests, parts.trusted_proxies, headers),
            Middleware(Traced, parts.trusted_proxies),
            Middleware(SlashAtEnd),
        ],
        responses=documented(HTTPStatus.SERVICE_UNAVAILABLE),
    )
    app.state.parts = parts
    answer_failures(app, [route for router in ROUTERS for route in router.routes])
    for router in ROUTERS:
        app.include_router(router)
    app.router.routes.extend(web.routes())
    app.openapi = lambda: _openapi(app)
    return app


def _openapi(app: FastAPI) -> dict[str, Any]:
    """FastAPI's document, with problems as the answer to unfit requests."""
    if app.openapi_schema is None:
        schema = get_openapi(
            title=app.title,
            version=app.version,
            description=app.description,
            routes=app.routes,
        )
        schemas = schema.setdefault("components", {}).setdefault("schemas", {})
        for model in (Problem, InvalidProblem, ChatFailure):
            described = model.model_json_schema(ref_template="#/components/schemas/{model}")
            schemas |= described.pop("$defs", {})
            schemas[model.__name__] = described
        for name in ("HTTPValidationError", "ValidationError"):
            schemas.pop(name, None)
        app.openapi_schema = schema
    return app.openapi_schema
