"""Users who post, repeat, read, rename, retry and delete, until they are told to stop."""

import asyncio
import random
from functools import partial
from http import HTTPStatus
from typing import Any

import httpx

from tests.chaos.journal import Journal, Post
from tests.e2e.client import connection, log_in, register
from tests.fixtures.waiting import eventually

REQUEST_SECONDS_MAX = 8.0
SESSIONS_MAX = 4
PAUSE_SECONDS_MAX = 0.3
SETTLE_SECONDS_MAX = 90.0
AWAY = (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.INTERNAL_SERVER_ERROR)


class ChaoticUser:
    """One user; everything they do follows from the seed and from what they are told."""

    def __init__(self, base_url: str, number: int, seed: int) -> None:
        self.journal = Journal(f"chaos {seed} {number}", f"mark{seed}x{number}y")
        self._base_url = base_url
        self._random = random.Random(f"{seed}/{number}")
        self._posts = 0

    async def enter(self) -> None:
        """Register and log in, before anything fails."""
        async with connection(self._base_url) as anyone:
            await register(anyone, self.journal.username)
            self._access = (await log_in(anyone, self.journal.username))["access"]

    async def live(self, stop: asyncio.Event) -> None:
        """Do things until told to stop."""
        async with connection(self._base_url, self._access) as self._http:
            self._http.timeout = REQUEST_SECONDS_MAX
            while not stop.is_set():
                await self._random.choices(
                    (self._say, self._repeat, self._read, self._rename, self._retry, self._delete),
                    (50, 10, 20, 5, 10, 3),
                )[0]()
                await asyncio.sleep(self._random.uniform(0, PAUSE_SECONDS_MAX))
            await self._settle()

    async def _settle(self) -> None:
        """Repeat what is unknown until it is known, and wait until no turn is open."""
        for post in self.journal.posts:
            await eventually(partial(self._known, post), SETTLE_SECONDS_MAX)
        for session_id in self.journal.deleting - self.journal.deleted:
            await eventually(partial(self._deleted, session_id), SETTLE_SECONDS_MAX)
        for session_id in self.journal.sessions - self.journal.deleted:
            await eventually(partial(self._quiet, session_id), SETTLE_SECONDS_MAX)
            await self._read_session(session_id)

    async def _known(self, post: Post) -> bool:
        if post.told in ("unknown", "pending"):
            await self._post(post)
        return post.told not in ("unknown", "pending")

    async def _deleted(self, session_id: str) -> bool:
        await self._delete_session(session_id)
        return session_id in self.journal.deleted

    async def _request(self, method: str, path: str, **more: Any) -> httpx.Response | None:
        """The answer; None: none came, so that the outcome is unknown."""
        try:
            return await self._http.request(method, path, **more)
        except httpx.HTTPError:
            return None

    def _a_session(self) -> str | None:
        known = sorted(self.journal.sessions - self.journal.deleting)
        if not known or (len(known) < SESSIONS_MAX and self._random.random() < 0.2):
            return None
        return self._random.choice(known)

    async def _say(self) -> None:
        self._posts += 1
        text = f"{self.journal.marker} number{self._posts}z and a little more"
        post = Post(f"{self.journal.marker}-{self._posts}", text, self._a_session())
        self.journal.posts.append(post)
        await self._post(post)

    async def _repeat(self) -> None:
        if self.journal.posts:
            await self._post(self._random.choice(self.journal.posts[-10:]))

    async def _post(self, post: Post) -> None:
        body = {"message": post.text} | ({"session_id": post.session_id} if post.session_id else {})
        answer = await self._request(
            "POST", "/api/chat/", json=body, headers={"Idempotency-Key": post.key}
        )
        if answer is None or answer.status_code in AWAY:
            return
        told = answer.json()
        match answer.status_code:
            case HTTPStatus.OK:
                bubbles = told.get("messages") or [
                    {"id": told["ai_message_id"], "message": told["response"]}
                ]
                said = {bubble["id"]: bubble["message"] for bubble in bubbles}
                if post.answer and post.answer != said:
                    self.journal.complaints.append(f"another answer to {post.key}: {said}")
                post.answer = said
                self._recorded(post, told, "answered")
            case HTTPStatus.ACCEPTED:
                self._recorded(post, told, "pending")
            case HTTPStatus.BAD_GATEWAY:
                self._recorded(post, told, "failed")
            case HTTPStatus.NOT_FOUND if self._may_be_gone(post):
                if post.told in ("unknown", "pending"):
                    post.told, post.refusal = "refused", told["code"]
            case HTTPStatus.TOO_MANY_REQUESTS:
                pass
            case _:
                self.journal.complaints.append(f"post answered {answer.status_code}: {told}")

    def _may_be_gone(self, post: Post) -> bool:
        return (post.in_session or post.session_id) in self.journal.deleting

    def _recorded(self, post: Post, told: dict[str, Any], state: Any) -> None:
        if post.message_id not in (None, told["user_message_id"]):
            self.journal.complaints.append(f"{post.key} has two message ids")
        if post.answer and state != "answered":
            self.journal.complaints.append(f"{post.key} was answered, and is {state} now")
        post.message_id, post.turn_id = told["user_message_id"], told["turn_id"]
        post.in_session = told["session_id"]
        self.journal.sessions.add(told["session_id"])
        post.told = state

    async def _read(self) -> None:
        if self.journal.sessions - self.journal.deleting:
            known = sorted(self.journal.sessions - self.journal.deleting)
            await self._read_session(self._random.choice(known))

    async def _read_session(self, session_id: str) -> None:
        answer = await self._request("GET", f"/api/sessions/{session_id}/messages/")
        if answer is None or answer.status_code in AWAY:
            return
        if answer.status_code != HTTPStatus.OK:
            self.journal.complaints.append(f"reading answered {answer.status_code}")
            return
        for message in answer.json()["results"]:
            self.journal.show(session_id, message["seq"], message["id"], message["message"])

    async def _rename(self) -> None:
        session_id = self._a_session()
        if session_id is not None:
            body = {"title": f"title {self._random.randrange(10)}"}
            await self._request("PATCH", f"/api/sessions/{session_id}/", json=body)

    async def _retry(self) -> None:
        session_id = self._a_session()
        if session_id is not None:
            await self._request("POST", f"/api/sessions/{session_id}/retry/")

    async def _delete(self) -> None:
        session_id = self._a_session()
        if session_id is not None and not self._awaits():
            await self._delete_session(session_id)

    def _awaits(self) -> bool:
        """Whether there is an outcome still unknown."""
        return any(post.told in ("unknown", "pending") for post in self.journal.posts)

    async def _delete_session(self, session_id: str) -> None:
        asked_before = session_id in self.journal.deleting
        self.journal.deleting.add(session_id)
        answer = await self._request("DELETE", f"/api/sessions/{session_id}/")
        if answer is None or answer.status_code in AWAY:
            return
        gone = answer.status_code == HTTPStatus.NOT_FOUND and asked_before
        if answer.status_code == HTTPStatus.NO_CONTENT or gone:
            self.journal.deleted.add(session_id)
        else:
            self.journal.complaints.append(f"deletion answered {answer.status_code}")

    async def _quiet(self, session_id: str) -> bool:
        """Whether no turn is open."""
        answer = await self._request("GET", f"/api/sessions/{session_id}/?mark_read=false")
        if answer is None or answer.status_code != HTTPStatus.OK:
            return False
        turn = answer.json()["turn"]
        return turn is None or turn["status"] != "open"
