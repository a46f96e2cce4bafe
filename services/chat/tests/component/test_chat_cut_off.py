"""NATS is lost while the model speaks: the call ends, and the turn is for whoever claims it next.

Guards the rule of architecture 5: `TurnWorkers.nats_lost`, `Stopping.lose`.
"""

from collections.abc import AsyncGenerator, Callable

import pytest

from lingxi_local.nats import RunningNats
from lingxi_local.nats_configuration import ADMIN
from services.chat.tests.component.harness import RunningChat, running_chat
from services.chat.tests.component.live import watching
from tests.fixtures.waiting import eventually


@pytest.fixture
async def cut_off_chat(
    new_database: Callable[[], str], nats_server: RunningNats
) -> AsyncGenerator[RunningChat]:
    """A chat with a NATS of its own."""
    async with running_chat(new_database, nats_server.server.url(ADMIN)) as chat:
        yield chat


async def test_a_model_call_does_not_outlive_nats(
    cut_off_chat: RunningChat, nats_server: RunningNats
) -> None:
    chat = cut_off_chat
    first = await chat.say("Hello.")
    await chat.model.fault("hang", contains="tunnel", times=1, after_chunks=3)
    async with watching(chat, first.session_id) as watched:
        posted = await chat.ask(chat.post("tunnel", first.session_id))
        await eventually(lambda: bool(watched.deltas))
        nats_server.kill()

        async def given_back() -> bool:
            work = await chat.work(first.session_id)
            return work is not None and work[1:] == (None, None)

        await eventually(given_back, seconds_max=10.0)
        nats_server.start()
        outcome = await chat.outcome(posted)

    assert (outcome.status, outcome.turn_id) == ("answered", posted.turn_id)
    assert len(await chat.model.prompts("tunnel")) == 2
    ends = [data for name, data in await chat.events(first.session_id) if name == "turn_completed"]
    assert [end["attempt"] for end in ends] == [1, 2]
    assert max(delta.attempt for delta in watched.deltas) > 1
