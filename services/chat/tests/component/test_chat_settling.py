"""With a settle time a burst of messages gets one answer."""

from datetime import datetime
from typing import Any
from uuid import UUID

import pytest

from lingxi_chassis.postgres import fetch_all
from services.chat.tests.component.harness import RunningChat
from tests.fixtures.collecting import Collector
from tests.fixtures.waiting import eventually

TRACED_SECONDS_MAX = 60.0
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module")
def settings_of_module() -> dict[str, Any]:
    return {"LINGXI_BURST_SETTLE_MS": 1_500}


async def test_a_burst_gets_one_answer(chat: RunningChat) -> None:
    first = await chat.ask(chat.post("so 1"))
    rest = [await chat.ask(chat.post(f"so {n}", first.session_id)) for n in (2, 3, 4)]
    outcomes = [await chat.outcome(posted) for posted in (first, *rest)]

    assert {outcome.turn_id for outcome in outcomes} == {first.turn_id}
    assert (await chat.logged(first.session_id)).count("turn_completed") == 1
    (prompt,) = await chat.model.prompts("so 4")
    assert [m["content"] for m in prompt[1:]] == ["so 1", "so 2", "so 3", "so 4"]


async def test_a_turn_that_waited_is_in_the_trace_of_its_message(
    chat: RunningChat, collector: Collector
) -> None:
    await chat.outcome(await chat.ask(chat.post("traced")))

    def ended() -> bool:
        return bool(collector.trace_of("turn"))

    await eventually(ended, TRACED_SECONDS_MAX)
    posts = [span for span in collector.trace_of("turn") if span.name == "chat.rpc.post_message"]
    assert [span.kind for span in posts] == ["server"]


async def test_messages_during_a_turn_settle_too(chat: RunningChat) -> None:
    await chat.model.fault("hang", contains="during 1", times=1)
    first = await chat.ask(chat.post("during 1"))
    await chat.model.asked("during 1")
    second = await chat.ask(chat.post("during 2", first.session_id))
    await chat.model.heal()
    await chat.outcome(first)
    third = await chat.ask(chat.post("during 3", first.session_id))
    outcomes = [await chat.outcome(posted) for posted in (second, third)]

    assert outcomes[0].turn_id == outcomes[1].turn_id != first.turn_id


async def test_each_message_puts_the_answer_off(chat: RunningChat) -> None:
    """Guards `settling`, an effect of the append."""
    first = await chat.ask(chat.post("put off 1"))
    due_at = await answered_not_before(chat, first.session_id)
    await chat.ask(chat.post("put off 2", first.session_id))
    assert await answered_not_before(chat, first.session_id) > due_at


async def answered_not_before(chat: RunningChat, session_id: UUID) -> datetime:
    sql = "select not_before from turn_work where session_id = %(id)s"
    [(due_at,)] = await fetch_all(chat.pool, sql, {"id": session_id})
    return due_at
