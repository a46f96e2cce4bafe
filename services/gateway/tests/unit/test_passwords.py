"""Passwords: what verifies, and what is sent away when too many wait."""

import asyncio
from collections.abc import AsyncGenerator
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from lingxi_contracts.errors import Unavailable
from lingxi_gateway.adapters import passwords as adapter
from lingxi_gateway.adapters.passwords import Argon2Passwords, open_passwords


@pytest.fixture
async def passwords() -> AsyncGenerator[Argon2Passwords]:
    async with open_passwords() as opened:
        yield opened


async def test_a_hash_verifies_its_password_alone(passwords: Argon2Passwords) -> None:
    hashed = await passwords.hash("correct horse")
    assert hashed.startswith("$argon2id$")
    assert hashed != await passwords.hash("correct horse")
    assert await passwords.verify("correct horse", hashed)
    assert not await passwords.verify("Correct horse", hashed)
    assert not await passwords.verify("", hashed)


@pytest.mark.parametrize("stored", [None, "", "no hash", "$argon2id$v=19$broken"])
@pytest.mark.parametrize("password", ["", "correct horse"])
async def test_without_a_hash_nothing_verifies(
    passwords: Argon2Passwords, stored: str | None, password: str
) -> None:
    assert not await passwords.verify(password, stored)


async def test_who_comes_when_too_many_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adapter, "WAITING_MAX", 2)
    goes_on = Event()
    with ThreadPoolExecutor(1) as threads:
        passwords = Argon2Passwords(threads)
        threads.submit(goes_on.wait)
        waiting = [asyncio.create_task(passwords.hash("a")) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(Unavailable):
            await passwords.hash("a")
        goes_on.set()
        await asyncio.gather(*waiting)
        assert await passwords.hash("a")
