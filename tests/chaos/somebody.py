"""A user with a connection and a journal: what every action of theirs works with."""

import random
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

import httpx

from tests.chaos.journal import Journal
from tests.e2e.client import connection, log_in, register

REQUEST_SECONDS_MAX = 8.0
SESSIONS_MAX = 4


class Somebody:
    """One user; everything they do follows from the seed and from what they are told."""

    def __init__(self, base_url: str, number: int, seed: int) -> None:
        marker = f"mark{seed}x{number}y"
        self.journal = Journal(f"chaos {marker}", marker)
        self.base_url = base_url
        self.number = number
        self.chance = random.Random(f"{seed}/{number}")
        self.access = ""
        self.http: httpx.AsyncClient
        self._texts = 0

    async def enter(self) -> None:
        """Register and log in, before anything fails."""
        async with connection(self.base_url) as anyone:
            await register(anyone, self.journal.username)
            self.access = (await log_in(anyone, self.journal.username))["access"]
        self.http = connection(self.base_url, self.access)
        self.http.timeout = REQUEST_SECONDS_MAX
        self.journal.user_id = (await self.http.get("/api/me/")).json()["id"]

    async def request(self, method: str, path: str, **more: Any) -> httpx.Response | None:
        """The answer; None: none came, or nobody was there, so that the outcome is unknown.

        Clients must bear with that, but never with an error that nobody foresaw.
        """
        try:
            answer = await self.http.request(method, path, **more)
        except httpx.HTTPError:
            return None
        if answer.status_code == HTTPStatus.INTERNAL_SERVER_ERROR:
            self.complain(f"{method} {path}", answer)
            return None
        return None if answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE else answer

    def new_text(self) -> tuple[int, str]:
        """Words that nobody ever said, and their number."""
        self._texts += 1
        return self._texts, f"{self.journal.marker} number{self._texts}z and a little more"

    def a_session(self) -> str | None:
        """One of those that are there; None: it is time for another one."""
        known = self.journal.living
        if not known or (len(known) < SESSIONS_MAX and self.chance.random() < 0.2):
            return None
        return self.chance.choice(known)

    def complain(self, what: str, answer: httpx.Response) -> None:
        """The user was told what can never be right."""
        self.journal.complaints.append(f"{what} answered {answer.status_code}: {answer.text}")

    async def control(
        self, what: str, method: str, path: str, may_be: Sequence[int], **more: Any
    ) -> bool:
        """Ask for something; whether it was accepted. Anything but `may_be` is a complaint."""
        answer = await self.request(method, path, **more)
        if answer is None:
            return False
        if answer.is_success:
            self.journal.done[what] += 1
        elif answer.status_code not in may_be:
            self.complain(what, answer)
        return answer.is_success
