"""Absolute URLs of our own, as the client sees us.

Scheme and host are those of the request; a trusted proxy may say which they were before it.
"""

from starlette.datastructures import URL
from starlette.requests import Request

from lingxi_gateway.entrypoints.http.clients import is_trusted
from lingxi_gateway.entrypoints.http.parts import parts_of


def same_url(request: Request, **query: int | None) -> str:
    """The request's own URL with some query parameters changed, or left out (None)."""
    url = _seen_url(request)
    kept = url.remove_query_params([name for name, value in query.items() if value is None])
    changed = {name: value for name, value in query.items() if value is not None}
    return str(kept.include_query_params(**changed))


def url_of(request: Request, path: str, **query: int) -> str:
    """The URL of another path."""
    return str(_seen_url(request).replace(path=path, query="").include_query_params(**query))


def _seen_url(request: Request) -> URL:
    url = request.url
    peer = request.client.host if request.client else ""
    if not is_trusted(peer, parts_of(request).trusted_proxies):
        return url
    scheme = request.headers.get("x-forwarded-proto", "")
    host = request.headers.get("x-forwarded-host", "")
    if scheme in ("http", "https"):
        url = url.replace(scheme=scheme)
    return url.replace(netloc=host) if host else url
