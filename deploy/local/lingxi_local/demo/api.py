"""A user of the public API, by Python's own library: as any client would be written."""

import json
import secrets
import time
from collections.abc import Callable
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import ProxyHandler, Request, build_opener

ANSWER_SECONDS_MAX = 120.0
POLL_SECONDS = 0.2

type Json = dict[str, Any]


class ApiFailed(Exception):
    """What the API refused, or that it cannot be reached."""


class Api:
    """A new user, logged in."""

    def __init__(self, base_url: str) -> None:
        self._base_url = base_url
        self._open = build_opener(ProxyHandler({})).open  # loopback needs no proxy
        self._access = ""
        account = {"username": "ada", "password": secrets.token_urlsafe()}
        self.post("/api/auth/register/", account)
        self._access = self.post("/api/auth/login/", account)["access"]

    def get(self, path: str) -> Json:
        """What a GET answers. Raises ApiFailed."""
        return self._ask("GET", path, None)

    def post(self, path: str, body: Json | None = None) -> Json:
        """What a POST answers. Raises ApiFailed."""
        return self._ask("POST", path, body or {})

    def _ask(self, method: str, path: str, body: Json | None) -> Json:
        request = Request(  # noqa: S310 -- our own URL
            self._base_url + path,
            None if body is None else json.dumps(body).encode(),
            {"Content-Type": "application/json", "Authorization": f"Bearer {self._access}"},
            method=method,
        )
        try:
            with self._open(request, timeout=ANSWER_SECONDS_MAX) as answer:
                return json.loads(answer.read() or b"{}")
        except HTTPError as error:
            said = error.read().decode(errors="replace")
            raise ApiFailed(f"{method} {path}: {error.code} {said}") from None
        except (URLError, TimeoutError) as error:
            raise ApiFailed(f"{method} {path}: {error}") from None


def wait_for[T](look: Callable[[], T | None], seconds_max: float) -> T | None:
    """What `look` finds, as soon as it finds something; None when it is too late."""
    ends_at = time.monotonic() + seconds_max
    while True:
        found = look()
        if found is not None or time.monotonic() > ends_at:
            return found
        time.sleep(POLL_SECONDS)
