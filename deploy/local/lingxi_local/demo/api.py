"""A user of the public API, by Python's own library: as any client would be written."""

import json
import secrets
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import ProxyHandler, Request, build_opener

ANSWER_SECONDS_MAX = 120.0
ASKED_MAX = 5
"""For an answer that takes longer than a request may; a turn ends long before."""
POLL_SECONDS = 0.2
AWAY_PAUSE_SECONDS = 1.0
"""Before what may be repeated is asked again of a service that was away."""

type Json = dict[str, Any]


class ApiFailed(Exception):
    """What the API refused, or that it cannot be reached."""


class Away(ApiFailed):
    """A service is away for a moment, or too slow."""


class ModelFailed(ApiFailed):
    """The message is kept, but the model has no answer; `facts` says why."""

    def __init__(self, facts: Json) -> None:
        super().__init__(facts)
        self.facts = facts


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

    def put(self, path: str, body: Json) -> Json:
        """What a PUT answers. Raises ApiFailed."""
        return self._ask("PUT", path, body)

    def say(self, body: Json) -> Json:
        """What comes of a message, waited for: the answer, or how the model failed (`detail`).

        The same request with the same key says nothing twice: it waits for the first one's answer.
        """
        key = secrets.token_urlsafe()
        answer: Json = {}
        for _ in range(ASKED_MAX):
            try:
                answer = self._ask("POST", "/api/chat/", body, key)
            except ModelFailed as failure:
                return failure.facts
            if answer.get("status") != "pending":
                break
        return answer

    def _ask(self, method: str, path: str, body: Json | None, key: str = "") -> Json:
        for _ in range(ASKED_MAX - 1 if method != "POST" or key else 0):
            try:
                return self._ask_once(method, path, body, key)
            except Away:
                time.sleep(AWAY_PAUSE_SECONDS)
        return self._ask_once(method, path, body, key)

    def _ask_once(self, method: str, path: str, body: Json | None, key: str) -> Json:
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self._access}"}
        if key:
            headers["Idempotency-Key"] = key
        request = Request(  # noqa: S310 -- our own URL
            self._base_url + path,
            None if body is None else json.dumps(body).encode(),
            headers,
            method=method,
        )
        try:
            with self._open(request, timeout=ANSWER_SECONDS_MAX) as answer:
                return json.loads(answer.read() or b"{}")
        except HTTPError as error:
            said = error.read().decode(errors="replace")
            if error.code == HTTPStatus.BAD_GATEWAY:
                raise ModelFailed(json.loads(said)) from None
            failed = Away if error.code == HTTPStatus.SERVICE_UNAVAILABLE else ApiFailed
            raise failed(f"{method} {path}: {error.code} {said}") from None
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
