"""What cuts a model call short may come twice, the second time while the first still works."""

import asyncio

import pytest

from lingxi_chat.application.stopping import CutOff, Stopped, Stopping


async def until_stopped(stopping: Stopping, *, asked_again: bool = False) -> None:
    """A body that NATS is lost to; it ends by itself no sooner."""
    async with stopping.interrupting():
        stopping.lose()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            if asked_again:
                stopping.request()
            raise


async def test_a_second_reason_finds_the_first_at_work() -> None:
    with pytest.raises(Stopped):
        await until_stopped(Stopping(), asked_again=True)


async def test_it_interrupts_what_is_open_and_what_is_opened_later() -> None:
    stopping = Stopping()
    with pytest.raises(CutOff):
        await until_stopped(stopping)
    stopping.request()
    with pytest.raises(Stopped):
        await until_stopped(stopping)
