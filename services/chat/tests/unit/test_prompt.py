"""The prompt of a turn: its three invariants, and what it tells the model beside the messages."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, strategies as st

from lingxi_chat.domain.prompt import (
    FACTS,
    HOW_TO_WRITE,
    MESSAGE_TOKENS,
    RECALLED,
    SUMMARY,
    Known,
    Prompt,
    Said,
    build_prompt,
)

NOW = datetime(2026, 11, 22, 23, 30, tzinfo=UTC)
KNOWN = Known("Mo", "You are kind.", NOW, "UTC")
PLENTY = 100_000


def said(seq: int, author: str, text: str = "text", at: datetime = NOW) -> Said:
    return Said(seq, "user" if author == "user" else "agent", text, at)


def words(text: str) -> int:
    return len(text.split())


def build(
    newest: Sequence[Said], waiting_from: int, known: Known = KNOWN, budget: int = PLENTY
) -> Prompt:
    return build_prompt(known, newest, waiting_from, budget, words)


HISTORIES = st.lists(
    st.tuples(st.sampled_from(["user", "agent"]), st.integers(0, 40)), min_size=1, max_size=30
).map(
    lambda drawn: [
        said(seq, author, " ".join(["w"] * length))
        for seq, (author, length) in enumerate([*drawn, ("user", 3)], start=1)
    ]
)


REMEMBERED = replace(KNOWN, summary="They met. They talked.", facts=("Likes tea.", "Has a cat."))


@given(HISTORIES, st.integers(1, 31), st.integers(-10, 600), st.integers(0, 31))
def test_a_prompt_is_within_its_budget_and_ends_with_what_it_answers(
    newest: list[Said], waiting_from: int, budget: int, recalled: int
) -> None:
    """Guards the budget in `build_prompt`."""
    newest_of_user = newest[-1]
    waiting_from = min(waiting_from, newest_of_user.seq)
    prompt = build_prompt(
        REMEMBERED, newest, waiting_from, budget, words, recalled=newest[:recalled]
    )

    cost = words(prompt.system) + MESSAGE_TOKENS
    cost += sum(words(one.text) + MESSAGE_TOKENS for one in prompt.messages)
    assert cost <= budget or len(prompt.messages) == 1
    ids = [one.seq for one in prompt.messages]
    assert len(ids) == len(set(ids))
    assert set(prompt.messages) <= set(newest)
    assert prompt.messages[-1] == newest_of_user
    assert prompt.answers_up_to == newest_of_user.seq


@given(HISTORIES, st.integers(1, 31))
def test_with_room_for_all_nothing_is_left_out(newest: list[Said], waiting_from: int) -> None:
    waiting_from = min(waiting_from, newest[-1].seq)
    prompt = build(newest, waiting_from)

    assert sorted(prompt.messages, key=lambda one: one.seq) == newest
    waiting = [one for one in newest if one.author == "user" and one.seq >= waiting_from]
    assert list(prompt.messages[-len(waiting) :]) == waiting


def test_what_waits_comes_after_an_answer_to_what_came_before() -> None:
    """Two messages were posted; the first was answered when the second had come already."""
    prompt = build([said(1, "user"), said(2, "user"), said(3, "agent")], waiting_from=2)

    assert [one.seq for one in prompt.messages] == [1, 3, 2]
    assert prompt.answers_up_to == 2


def test_the_newest_messages_are_the_ones_that_fit() -> None:
    newest = [said(seq, "user" if seq % 2 else "agent", "one two three") for seq in range(1, 12)]
    room = words(build([newest[-1]], 11).system) + MESSAGE_TOKENS + 3 * (3 + MESSAGE_TOKENS)

    assert [one.seq for one in build(newest, 11, budget=room).messages] == [9, 10, 11]
    assert [one.seq for one in build(newest, 11, budget=room - 1).messages] == [10, 11]


def test_the_system_text_tells_personality_time_and_how_to_write() -> None:
    system = build([said(1, "user")], 1).system

    assert system.startswith("You are kind.\n\n")
    assert "Your name is Mo." in system
    assert "It is Sunday, 2026-11-22 23:30 for the user (UTC)." in system
    assert system.endswith(HOW_TO_WRITE)
    assert "nobody wrote" not in system


def test_time_is_told_in_the_users_zone() -> None:
    known = Known("Mo", "", NOW, "Asia/Shanghai")

    assert "It is Monday, 2026-11-23 07:30 for the user (Asia/Shanghai)." in (
        build([said(1, "user")], 1, known).system
    )


@pytest.mark.parametrize("zone", ["Mars/Olympus", "", "../etc/passwd", "UTC\x00"])
def test_an_unknown_zone_is_utc(zone: str) -> None:
    system = build([said(1, "user")], 1, Known("Mo", "", NOW, zone)).system

    assert "23:30 for the user (UTC)." in system


def test_the_default_agent_has_no_name_and_may_have_no_personality() -> None:
    system = build([said(1, "user")], 1, Known("default", "  ", NOW, "UTC")).system

    assert system.startswith("It is Sunday")


@pytest.mark.parametrize(
    ("gap", "told"),
    [
        (timedelta(minutes=59), None),
        (timedelta(hours=1), "1 hour"),
        (timedelta(hours=23, minutes=59), "23 hours"),
        (timedelta(days=1), "1 day"),
        (timedelta(days=40, hours=5), "40 days"),
    ],
)
def test_a_long_silence_is_told(gap: timedelta, told: str | None) -> None:
    newest = [said(1, "user", at=NOW - gap), said(2, "agent", at=NOW - gap), said(3, "user")]
    system = build(newest, 3).system

    if told is None:
        assert "nobody wrote" not in system
    else:
        assert f"nobody wrote for {told}." in system


def test_the_silence_is_the_one_before_all_that_waits() -> None:
    long_ago = NOW - timedelta(days=3)
    newest = [
        said(1, "agent", at=long_ago),
        said(2, "user", at=long_ago + timedelta(days=3)),
        said(3, "user", at=NOW + timedelta(hours=2)),
    ]

    assert "nobody wrote for 3 days." in build(newest, 2).system


def test_what_is_remembered_stands_under_its_headings() -> None:
    earlier = [said(1, "user", "I was born in\n\nXi'an."), said(2, "agent", "A fine city.")]
    prompt = build_prompt(REMEMBERED, [said(9, "user")], 9, PLENTY, words, recalled=earlier)

    _, remembered = prompt.system.split(HOW_TO_WRITE)
    assert remembered.strip().split("\n\n") == [
        f"{SUMMARY}\nThey met. They talked.",
        f"{FACTS}\n- Likes tea.\n- Has a cat.",
        (
            f"{RECALLED}\n- 2026-11-22 23:30, the user: I was born in Xi'an."
            "\n- 2026-11-22 23:30, you: A fine city."
        ),
    ]


@given(HISTORIES, st.integers(1, 31), st.integers(-10, 600), st.integers(1, 31))
def test_with_what_is_recalled_it_has_the_same_messages_at_most(
    newest: list[Said], waiting_from: int, budget: int, recalled: int
) -> None:
    """So what is older than all messages without it stands in the prompt once."""
    waiting_from = min(waiting_from, newest[-1].seq)
    earlier = [said(-seq, "user", "we talked") for seq in range(recalled, 0, -1)]
    prompt = build_prompt(KNOWN, newest, waiting_from, budget, words, recalled=earlier)

    without = build(newest, waiting_from, budget=budget).messages
    assert prompt.messages == without[-len(prompt.messages) :]


def test_where_there_is_little_room_the_summary_is_remembered_first() -> None:
    newest = [said(seq, "user" if seq % 2 else "agent", "one two three") for seq in range(1, 30)]
    base = words(build(newest[-1:], 29).system) + MESSAGE_TOKENS
    summary = words(SUMMARY) + words(REMEMBERED.summary)

    with_summary = build(newest, 29, REMEMBERED, base + 2 * summary)
    assert REMEMBERED.summary in with_summary.system
    assert FACTS not in with_summary.system
    assert with_summary.messages[-1].seq == 29
    without = build(newest, 29, REMEMBERED, base + 2 * summary - 2)
    assert SUMMARY not in without.system
