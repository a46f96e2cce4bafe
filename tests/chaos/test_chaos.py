"""One seed of chaos, and the checker itself: what was tampered with is found."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from tests.chaos import checker
from tests.chaos.checker import Logged
from tests.chaos.faults import plan
from tests.chaos.journal import Journal, Post
from tests.chaos.run import run

SEED = 1
SECONDS = 60.0

POSTED = Logged("s", 1, "message_posted.v1", {"message_id": "m", "seq": 1, "text": "mark1x1y a"})
STARTED = Logged("s", 2, "turn_started.v1", {"turn_id": "t"})
SENT = Logged("s", 3, "message_sent.v1", {"turn_id": "t", "seq": 2, "text": "you said mark1x1y a"})
ENDED = Logged("s", 4, "turn_completed.v1", {"turn_id": "t", "answers": ["m"]})


def test_nothing_is_lost_doubled_reordered_mixed_or_leaked() -> None:
    outcome = asyncio.run(run(SEED, SECONDS))

    assert not outcome.findings, outcome.report()
    assert outcome.told["answered"] > 0


def test_a_seed_makes_one_plan() -> None:
    assert plan(7, 60) == plan(7, 60)
    assert plan(7, 60) != plan(8, 60)


@pytest.mark.parametrize(
    ("log", "finding"),
    [
        ((POSTED, replace(STARTED, version=3)), "versions have gaps"),
        ((POSTED, STARTED), "still open"),
        ((POSTED, STARTED, SENT, ENDED, replace(ENDED, version=5)), "answered twice"),
        ((POSTED, replace(POSTED, version=2)), "posted twice"),
        ((POSTED, STARTED, replace(STARTED, version=3)), "two turns"),
    ],
)
def test_the_checker_finds_what_is_wrong_in_a_log(log: Sequence[Logged], finding: str) -> None:
    assert any(finding in line for line in checker.check_log(log))


def test_the_checker_finds_a_reply_to_somebody_else() -> None:
    mixed = replace(SENT, data={"turn_id": "t", "seq": 2, "text": "you said mark1x2y b"})

    assert not list(checker.check_log((POSTED, STARTED, SENT, ENDED)))
    assert any(
        "another user" in line for line in checker.check_log((POSTED, STARTED, mixed, ENDED))
    )


def test_the_checker_finds_a_lost_message() -> None:
    journal = Journal("ada", "mark1x1y")
    journal.posts.append(Post("k", "mark1x1y a", None, "s", "answered", "m", "t", {"b": "hello"}))
    there = [(1, "m", "user", "mark1x1y a"), (2, "b", "agent", "hello")]

    assert not list(checker.check_journal(journal, {"s": there}))
    assert list(checker.check_journal(journal, {"s": there[:1]}))
    assert list(checker.check_journal(journal, {"s": there[1:]}))
    assert list(checker.check_journal(journal, {}))


def test_the_checker_finds_a_hole_in_the_stream() -> None:
    assert list(checker.check_stream((POSTED,), ()))
