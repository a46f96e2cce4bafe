"""The web app: files of its build, and the one page for every path that looks like a page.

The build lies beside this package's code and may be replaced while we run. Its assets are named by
their content and kept for ever by browsers; the page is asked for each time. What is no page stays
a 404: nothing of the API ever answers with HTML.
"""

import re
from http import HTTPStatus
from pathlib import Path

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import Match, Route
from starlette.types import Scope

from lingxi_gateway.domain.refusals import RouteNotFound

FOLDER = Path(__file__).parents[2] / "web_app"
FOR_EVER = "public, max-age=31536000, immutable"
BUILDING_SECONDS = 2
"""How soon a browser looks again while there is no build."""
ENCODINGS = {"br": ".br", "gzip": ".gz"}
"""What files are compressed by at build, the best first."""
MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
SOURCES = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self' 'unsafe-inline'",  # the components set their sizes as attributes
    "img-src": "'self' data:",
    "font-src": "'self'",
    "connect-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
}
"""The Content-Security-Policy."""
HEADERS = {
    "Content-Security-Policy": "; ".join(f"{what} {where}" for what, where in SOURCES.items()),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Vary": "Accept-Encoding",
}
NO_BUILD = f"""\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta http-equiv="refresh" content="{BUILDING_SECONDS}">
<title>Lingxi</title>
<p>The web app is not built yet. This page looks again by itself; the API answers already.</p>
"""

_page_path = re.compile(r"/(?!api(?:/|$))[^.]*")
_asset_name = re.compile(r"[\w-]+(?:\.[\w-]+)+")


class Page(Route):
    """Takes what a person's browser asks for by its address bar, and nothing else."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Full for GET and HEAD of a path of a page that accept HTML; none for all others."""
        if scope["type"] != "http" or scope["method"] not in ("GET", "HEAD"):
            return Match.NONE, {}
        wants_html = "text/html" in Headers(scope=scope).get("accept", "")
        if not wants_html or not _page_path.fullmatch(scope["path"]):
            return Match.NONE, {}
        return super().matches(scope)


def routes(folder: Path = FOLDER) -> tuple[Route, ...]:
    """The routes over a build, to be matched after all others."""

    async def page(request: Request) -> Response:
        found = _file(request, folder / "index.html", "no-cache")
        if found is not None:
            return found
        waiting = {**HEADERS, "Retry-After": str(BUILDING_SECONDS)}
        return HTMLResponse(NO_BUILD, HTTPStatus.SERVICE_UNAVAILABLE.value, waiting)

    async def asset(request: Request) -> Response:
        name: str = request.path_params["name"]
        found = None
        if _asset_name.fullmatch(name):
            found = _file(request, folder / "assets" / name, FOR_EVER)
        if found is None:
            raise RouteNotFound
        return found

    return (
        Route("/assets/{name}", asset, include_in_schema=False),
        Page("/{path:path}", page, include_in_schema=False),
    )


def _file(request: Request, path: Path, cache_control: str) -> Response | None:
    """The file, compressed as the browser likes; None where there is none."""
    media_type = MEDIA_TYPES.get(path.suffix)
    if media_type is None or not path.is_file():
        return None
    headers = {**HEADERS, "Cache-Control": cache_control}
    accepted = request.headers.get("accept-encoding", "")
    for encoding, suffix in ENCODINGS.items():
        compressed = path.with_name(path.name + suffix)
        if encoding in accepted and compressed.is_file():
            headers["Content-Encoding"] = encoding
            return FileResponse(compressed, headers=headers, media_type=media_type)
    return FileResponse(path, headers=headers, media_type=media_type)
