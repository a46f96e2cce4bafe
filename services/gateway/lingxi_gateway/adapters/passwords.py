"""Passwords by argon2id, in threads of their own and few at a time: each takes memory and a core.

The parameters are OWASP's second choice (19 MiB, two passes, one lane).
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.low_level import Type

from lingxi_contracts.errors import Unavailable

MEMORY_KIB = 19 * 1024
PASSES = 2
LANES = 1
AT_ONCE_MAX = 2
WAITING_MAX = 64
"""Who comes when so many wait already is sent away: the queue would outlast their patience."""


class Argon2Passwords:
    """Hashes and verifies; see the module."""

    def __init__(self, threads: ThreadPoolExecutor) -> None:
        self._threads = threads
        self._hasher = PasswordHasher(
            time_cost=PASSES, memory_cost=MEMORY_KIB, parallelism=LANES, type=Type.ID
        )
        self._waiting = 0
        self._nobodys = self._hasher.hash("")

    async def hash(self, password: str) -> str:
        """The hash with its parameters and salt. Raises Unavailable when swamped."""
        return await self._in_thread(lambda: self._hasher.hash(password))

    async def verify(self, password: str, password_hash: str | None) -> bool:
        """Whether it is the password; without a hash False, after the same work.

        Raises:
            Unavailable: swamped.
        """
        against = self._nobodys if password_hash is None else password_hash

        def verified() -> bool:
            try:
                return self._hasher.verify(against, password)
            except (VerificationError, InvalidHashError):
                return False

        return await self._in_thread(verified) and password_hash is not None

    async def _in_thread[R](self, work: Callable[[], R]) -> R:
        if self._waiting >= WAITING_MAX:
            raise Unavailable
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._waiting -= 1


@asynccontextmanager
async def open_passwords() -> AsyncGenerator[Argon2Passwords]:
    """Passwords with their threads."""
    with ThreadPoolExecutor(AT_ONCE_MAX, "argon2") as threads:
        yield Argon2Passwords(threads)
