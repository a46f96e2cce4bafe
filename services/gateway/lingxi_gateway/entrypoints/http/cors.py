"""Which web pages of other origins may call: the listed origins, without cookies.

`loopback` in the list stands for every port of this machine (local mode); `*` for everybody;
`http://localhost:*` for every port of one host.
"""

import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp

from lingxi_gateway.entrypoints.http.problems import problem

LOOPBACK = "loopback"
ANY_PORT = ":*"
MAX_AGE_SECONDS = 600
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
REQUEST_HEADERS = (
    "Authorization",
    "Content-Type",
    "Idempotency-Key",
    "Last-Event-ID",
    "X-Request-ID",
)
EXPOSED_HEADERS = ("Retry-After", "WWW-Authenticate", "X-Request-ID")

_loopback_pattern = r"https?://(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?"


class Cors(CORSMiddleware):
    """Starlette's, with our list of origins and problems as refusals."""

    def __init__(self, app: ASGIApp, origins: Sequence[str], headers: Mapping[str, str]) -> None:
        self._headers = headers
        super().__init__(
            app,
            allow_origins=origins,
            allow_origin_regex=_pattern(origins),
            allow_methods=METHODS,
            allow_headers=REQUEST_HEADERS,
            expose_headers=EXPOSED_HEADERS,
            max_age=MAX_AGE_SECONDS,
        )

    def preflight_response(self, request_headers: Headers) -> Response:
        """The answer to a preflight: 200, or a problem that says what is not allowed."""
        answer = super().preflight_response(request_headers)
        answer.headers.update(self._headers)  # no other layer sees it
        if answer.status_code == HTTPStatus.OK:
            return answer
        kept = {
            name: value
            for name, value in answer.headers.items()
            if name not in ("content-type", "content-length")
        }
        return problem(
            HTTPStatus.FORBIDDEN, "cors_refused", bytes(answer.body).decode(), headers=kept
        )


def _pattern(origins: Sequence[str]) -> str | None:
    patterns = [_loopback_pattern] if LOOPBACK in origins else []
    patterns += [
        re.escape(origin.removesuffix(ANY_PORT)) + r"(:\d{1,5})?"
        for origin in origins
        if origin.endswith(ANY_PORT)
    ]
    return "|".join(patterns) or None
