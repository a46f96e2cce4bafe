"""Summaries and facts as they come, with chat, agent, and a model at the other end of HTTP.

Guards `adapters/model.py: ask`: a model that is away delays; and `write_summary.py: write_summary`:
a range that somebody else has summarised is asked for anew.
"""

import itertools

import pytest

from lingxi_chassis.consumers import handling
from lingxi_contracts.chat import DeleteSession, GetSummaryWork, RecordSummary
from lingxi_contracts.errors import SessionNotFound
from services.chat.tests.component.harness import RunningChat
from services.summarizer.tests.component.harness import (
    DONE_SECONDS_MAX,
    REVIEW,
    SUMMARY,
    THINKING_SECONDS,
    all_done,
    asked,
    covered,
    memories,
    questions,
    summarizing,
    talk,
    written,
)
from tests.fixtures.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

ASKED_IN_AN_HOUR = 70
"""Eight times while the pauses double up to a minute, then once a minute."""


def lines(marker: str, count: int) -> list[str]:
    return [f"{marker} number {at}" for at in range(count)]


async def test_a_summary_a_title_and_facts_come_by_themselves(chat: RunningChat) -> None:
    agent_id = await chat.agent("You are Mo.")
    async with summarizing(chat):
        said = ["My name is Zoe-77", "I live in Bremen", *lines("zoe77", 6)]
        session_id = await talk(chat, said, agent_id=agent_id)
        session = await all_done(chat, session_id)
    assert session.title == "My name is Zoe-77"
    assert "I live in Bremen" in session.summary
    known = {one.text: one.evidence for one in await memories(chat, agent_id)}
    assert known.keys() == {"My name is Zoe-77", "I live in Bremen"}
    first = (await chat.messages(session_id))[0]
    (evidence,) = known["My name is Zoe-77"]
    assert (evidence.session_id, evidence.message_id) == (session_id, first.message_id)


async def test_in_the_users_language(chat: RunningChat) -> None:
    agent_id = await chat.agent("你是小莫。")
    async with summarizing(chat):
        said = ["我叫小丽七七", *(f"小丽七七说第{at}句" for at in range(8))]
        session = await all_done(chat, await talk(chat, said, agent_id=agent_id))
    assert session.summary.startswith("用户说过：")
    assert "我叫小丽七七" in [one.text for one in await memories(chat, agent_id)]


async def test_ranges_follow_one_another_and_each_is_asked_for_once(chat: RunningChat) -> None:
    async with summarizing(chat):
        session_id = await talk(chat, lines("follow77", 1))
        for text in lines("follow77 on", 24):
            await talk(chat, [text], session_id)
        session = await all_done(chat, session_id)
    ranges = await written(chat, session_id)
    assert ranges[0][0] == 1
    assert all(before[1] + 1 == after[0] for before, after in itertools.pairwise(ranges))
    asked = await questions(chat, SUMMARY, "follow77")
    assert len(asked) == len(ranges) <= session.message_count // 10
    numbers = [line.partition("]")[0] for one in asked for line in one.splitlines()]
    assert numbers == [f"[{seq}" for seq in range(1, session.covers_up_to + 1)]


async def test_what_one_knows_is_corrected_by_what_is_newer(chat: RunningChat) -> None:
    agent_id = await chat.agent("You are Mo.")
    async with summarizing(chat):
        said = ["I live in Bremen", *lines("moved77", 6)]
        session_id = await talk(chat, said, agent_id=agent_id)
        before = await all_done(chat, session_id)
        assert [one.text for one in await memories(chat, agent_id)] == ["I live in Bremen"]
        for text in ["I live in Rome", *lines("moved77 again", 20)]:
            await talk(chat, [text], session_id)
            if (await chat.session(session_id)).covers_up_to > before.message_count:
                break
        await all_done(chat, session_id)
    assert [one.text for one in await memories(chat, agent_id)] == ["I live in Rome"]


async def test_an_hour_without_the_model_delays_and_loses_nothing(
    chat: RunningChat, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Time between deliveries passes a thousand times as fast. Many more of them than a poisonous
    event gets: it is no dead letter."""
    for name in ("FIRST_DELAY_SECONDS", "DELAY_SECONDS_MAX"):
        monkeypatch.setattr(handling, name, getattr(handling, name) / 1_000)
    for rule in ({"status": 429, "times": 1}, {"status": 500, "times": 1}, {"status": 401}):
        await chat.model.fault("status", contains="] user: outage77", **rule)
    async with summarizing(chat):
        session_id = await talk(chat, lines("outage77", 12))
        for task in (SUMMARY, REVIEW):
            await asked(chat, task, "outage77", times=ASKED_IN_AN_HOUR)
        assert await written(chat, session_id) == []
        await chat.model.heal()
        session = await all_done(chat, session_id)

        async def reviewed() -> bool:
            return (await chat.session(session_id)).personality_checked_at is not None

        await eventually(reviewed, DONE_SECONDS_MAX)
    ranges = await written(chat, session_id)
    covers = [seq for start, end in ranges for seq in range(start, end + 1)]
    assert covers == list(range(1, session.covers_up_to + 1))
    letters = await chat.nats.jetstream().stream_info("DEAD_LETTERS", subjects_filter="dead.>")
    assert not letters.state.subjects


async def test_a_message_that_the_provider_refuses_is_left_out(chat: RunningChat) -> None:
    await chat.model.fault("refuse", contains="user: refused77 number 3")
    await chat.model.fault("slow", contains="] user: ")  # other questions: answered as usual
    # What is left are chat's prompts, which end with the bare text: answered, quoting nobody.
    await chat.model.fault("raw", contains="refused77", content="I see.")
    async with summarizing(chat):
        session_id = await talk(chat, lines("refused77", 12))
        session = await all_done(chat, session_id)
    assert "refused77 number 2" in session.summary
    assert "refused77 number 3" not in session.summary
    assert any("(left out)" in one for one in await questions(chat, SUMMARY, "(left out)"))


async def test_a_session_that_is_gone_is_done(chat: RunningChat) -> None:
    session_id = await talk(chat, lines("gone77", 10))
    await chat.ask(DeleteSession(user_id=chat.user_id, session_id=session_id))
    with pytest.raises(SessionNotFound):
        await chat.ask(GetSummaryWork(user_id=chat.user_id, session_id=session_id))
    async with summarizing(chat):
        other = await talk(chat, lines("stays77", 10))
        await covered(chat, other)

        async def acknowledged() -> bool:
            info = await chat.nats.jetstream().consumer_info(
                "CHAT_EVENTS", "summarizer-write_summary"
            )
            return info.num_ack_pending == 0 and info.num_pending == 0

        await eventually(acknowledged)
    assert await questions(chat, SUMMARY, "gone77") == []


async def test_a_summary_that_somebody_else_wrote_stands(chat: RunningChat) -> None:
    """Ours is refused while the model thinks, and asked for anew from where theirs ends. Only one
    is due: nothing else would make up for it."""
    await chat.model.fault("hang", contains="] user: rival77", seconds=THINKING_SECONDS)
    session_id = await talk(chat, lines("rival77", 5))
    async with summarizing(chat):
        await asked(chat, SUMMARY, "rival77")
        work = await chat.ask(GetSummaryWork(user_id=chat.user_id, session_id=session_id))
        rival = RecordSummary(
            user_id=chat.user_id,
            session_id=session_id,
            covers_from=1,
            covers_up_to=2,
            superseded_count=work.superseded_count,
            title="Theirs",
            summary="Two messages.",
        )
        await chat.ask(rival)
        await chat.model.heal()
        session = await all_done(chat, session_id)
    assert (await written(chat, session_id))[:2] == [(1, 2), (3, session.covers_up_to)]
    assert session.summary.startswith("Two messages.")
