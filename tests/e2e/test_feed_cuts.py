"""A feed that is cut again and again, and through crashes: each event once, and in order.

What a client did with an event is its own business: it comes back with the last id it has kept.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import httpx
import pytest

from lingxi_chassis.ids import new_id
from tests.e2e.client import Json, NewUser, User, connection, say_until_answered
from tests.e2e.feed import Frame, feed
from tests.fixtures.system import RunningSystem
from tests.fixtures.waiting import eventually

CUTS = 200
EVENTS = 500
FRAMES_A_CONNECTION_MAX = 6
COMPLETE_SECONDS_MAX = 120.0
ENDS = {"turn_completed", "turn_failed"}


@dataclass
class Follower:
    """A client of the feed that keeps its place. `urls`: it connects to one after the other."""

    user: User
    urls: list[str]
    seen: list[Frame] = field(default_factory=list[Frame])
    resets: list[str] = field(default_factory=list[str])
    cuts: int = 0
    cursor: str = ""

    async def follow(self, frames_max: Callable[[], int]) -> None:
        """Connect, take some frames, be cut; again and again, until cancelled."""
        connections = [connection(url, self.user.access) for url in self.urls]
        try:
            while True:
                http = connections[self.cuts % len(connections)]
                with suppress(httpx.HTTPError):
                    await self._once(http, frames_max())
                self.cuts += 1
                await asyncio.sleep(0)
        finally:
            for http in connections:
                await http.aclose()

    async def _once(self, http: httpx.AsyncClient, frames_max: int) -> None:
        async with feed(http, self.cursor) as told:
            async for frame in told:
                if frame.id:
                    self.cursor = frame.id
                if frame.event == "reset":
                    self.resets.append(frame.data["reason"])
                elif frame.id and frame.event != "ready":
                    self.seen.append(frame)
                    frames_max -= 1
                if frames_max <= 0:
                    return

    def of(self, *names: str) -> list[Json]:
        """The data of what was seen under these names."""
        return [frame.data for frame in self.seen if frame.event in names]


@pytest.fixture
async def user(users: NewUser) -> User:
    """Somebody with an agent."""
    return await users()


@pytest.fixture
async def following() -> AsyncIterator[Callable[[Coroutine[Any, Any, None]], None]]:
    """Runs work beside the test, and ends it."""
    tasks: list[asyncio.Task[None]] = []
    yield lambda work: tasks.append(asyncio.create_task(work))
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    for task in tasks:
        if not task.cancelled() and (error := task.exception()):
            raise error


async def begin(follower: Follower) -> None:
    """It has its first place."""
    async with feed(follower.user.http) as told:
        follower.cursor = (await anext(told)).id


async def everything(follower: Follower) -> None:
    """What the follower saw is what the API shows: each once, in order, nothing else."""
    user = follower.user
    sessions = (await user.get("/api/sessions/", page_size=100))["results"]
    ids = [frame.data["event_id"] for frame in follower.seen]
    assert len(ids) == len(set(ids)), "told twice"
    for session in sessions:
        kept = await user.messages(session["id"])
        told = [
            data["message"]
            for data in follower.of("message_posted", "message_sent")
            if data["session_id"] == session["id"]
        ]
        assert [one["id"] for one in told] == [one["id"] for one in kept]
        turns = [one["turn_id"] for one in kept if one["is_agent"]]
        ended = [
            data["turn_id"]
            for data in follower.of("turn_completed")
            if data["session_id"] == session["id"]
        ]
        assert list(dict.fromkeys(turns)) == ended


async def caught_up(follower: Follower, turns: int, seconds_max: float) -> None:
    """It has seen the ends of so many turns."""
    await eventually(lambda: len(follower.of(*ENDS)) >= turns, seconds_max)


def some(seed: int) -> Callable[[], int]:
    """How many frames until the next cut, at random."""
    chance = random.Random(seed)
    return lambda: chance.randint(0, FRAMES_A_CONNECTION_MAX)


async def test_cut_two_hundred_times(
    user: User, following: Callable[[Coroutine[Any, Any, None]], None], system: RunningSystem
) -> None:
    follower = Follower(user, [system.base_url])
    await begin(follower)
    following(follower.follow(some(1)))
    session_id, turns = (await user.say("Begin."))["session_id"], 1
    while len(follower.seen) < EVENTS or follower.cuts < CUTS:
        await user.say(f"Number {turns}.", session_id=session_id)
        turns += 1
    await caught_up(follower, turns, COMPLETE_SECONDS_MAX)
    assert follower.resets == []
    await everything(follower)


@pytest.mark.parametrize("name", ["gateway", "chat", "nats"])
async def test_cut_while_a_process_is_killed(
    user: User,
    following: Callable[[Coroutine[Any, Any, None]], None],
    system: RunningSystem,
    name: str,
) -> None:
    follower = Follower(user, [system.base_url])
    await begin(follower)
    following(follower.follow(lambda: 3))
    session_id = (await user.say("Begin."))["session_id"]
    for turn in range(3):
        text = f"Before {turn}."
        await say_until_answered(user, text, str(new_id()), session_id=session_id)
    killing = asyncio.create_task(system.kill(name))
    for turn in range(3):
        text = f"After {turn}."
        await say_until_answered(user, text, str(new_id()), session_id=session_id)
    await killing
    await caught_up(follower, 7, COMPLETE_SECONDS_MAX)
    assert follower.resets == []
    await everything(follower)


async def test_the_feed_is_open_to_nobody_without_a_token(http: httpx.AsyncClient) -> None:
    assert (await http.get("/api/events/")).status_code == HTTPStatus.UNAUTHORIZED
