"""Post a user's message and wait for what becomes of it.

The caller's task may end at any moment (a client went away, this process stops): the message is
chat's from the moment it is recorded, and nothing here stops its turn.
"""

import asyncio
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace

from lingxi_chassis.rpc import RpcClient
from lingxi_contracts.chat import GetAnswer, PostedMessage, PostMessage
from lingxi_contracts.errors import Unavailable
from lingxi_gateway.application.outcome import Outcome, Pending, recorded
from lingxi_gateway.application.waiters import Waiter, Waiters

CHECK_SECONDS = 10.0
"""How often the owner is asked while waiting, in case an event did not come."""
TRIES_MAX = 2
"""Posting again under the same ids is harmless, and finds out what an unknown outcome was."""


class Posting:
    """A message that is recorded, and what is known of its answer: `outcome`."""

    def __init__(self, rpc: RpcClient, waiters: Waiters, waiter: Waiter, post: PostMessage) -> None:
        self._rpc = rpc
        self._waiters = waiters
        self._waiter = waiter
        self.post = post
        self.outcome: Outcome

    async def send(self) -> None:
        """Post it.

        Raises:
            Refusal: chat's; nothing is recorded then.
            Unavailable: chat is away.
        """
        self.outcome = recorded(await _post(self._rpc, self.post))

    async def wait(self, wait_seconds: float) -> Outcome:
        """The outcome, if it comes within that time and before this process stops."""
        post = self.post
        question = GetAnswer(
            user_id=post.user_id, session_id=post.session_id, message_id=post.message_id
        )
        deadline = asyncio.get_running_loop().time() + wait_seconds
        while isinstance(self.outcome, Pending) and not self._waiters.finished:
            left = deadline - asyncio.get_running_loop().time()
            if left <= 0:
                break
            told = await self._waiter.wait(min(CHECK_SECONDS, left))
            if told is None and not self._waiters.finished:
                told = await _ask(self._rpc, question, self.outcome)
            self.outcome = self._with_care(told or self.outcome)
        return self.outcome

    def _with_care(self, told: Outcome) -> Outcome:
        """With what is known of the message's being flagged, from wherever it was heard."""
        critical = told.critical or self._waiter.critical or self.outcome.critical
        return told if critical == told.critical else replace(told, critical=critical)


@contextmanager
def posting(rpc: RpcClient, waiters: Waiters, post: PostMessage) -> Generator[Posting]:
    """A message to `send` and to `wait` for, while the context is open.

    Raises:
        Unavailable: too many callers wait here.
    """
    with waiters.waiting(post.session_id, post.message_id) as waiter:
        yield Posting(rpc, waiters, waiter, post)


async def post_message(
    rpc: RpcClient, waiters: Waiters, post: PostMessage, wait_seconds: float
) -> Outcome:
    """The outcome, if it comes within `wait_seconds` and before this process stops; else `Pending`.

    Raises:
        Refusal: chat's; nothing is recorded then.
        Unavailable: chat is away, or too many callers wait here.
    """
    with posting(rpc, waiters, post) as message:
        await message.send()
        return await message.wait(wait_seconds)


async def _post(rpc: RpcClient, post: PostMessage) -> PostedMessage:
    for _ in range(TRIES_MAX - 1):
        try:
            return await rpc.call(post)
        except Unavailable:
            continue
    return await rpc.call(post)


async def _ask(rpc: RpcClient, question: GetAnswer, pending: Pending) -> Outcome:
    """What the owner knows; while it is away, the message is still what it was: recorded."""
    try:
        return recorded(await rpc.call(question))
    except Unavailable:
        return pending
