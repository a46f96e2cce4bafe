"""One seed of chaos, and the checker itself: what was tampered with is found."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import get_args

import pytest

from lingxi_chassis.clock import utc_now
from tests.chaos import checker
from tests.chaos.faults import SERVERS, SERVICES, Kind, plan
from tests.chaos.journal import Journal, Post
from tests.chaos.reading import Logged
from tests.chaos.run import run
from tests.chaos.telling import check_log
from tests.e2e.feed import Frame

SEED = 1
SECONDS = 60.0

POSTED = Logged("s", 1, "message_posted.v1", {"message_id": "m", "seq": 1, "text": "mark1x1y a"})
STARTED = Logged("s", 2, "turn_started.v1", {"turn_id": "t"})
SAID = {"message_id": "b", "turn_id": "t", "seq": 2, "text": "you said mark1x1y a"}
SENT = Logged("s", 3, "message_sent.v1", SAID)
ENDED = Logged("s", 4, "turn_completed.v1", {"turn_id": "t", "answers": ["m"]})


def test_nothing_is_lost_doubled_reordered_mixed_or_leaked() -> None:
    outcome = asyncio.run(run(SEED, SECONDS))

    assert not outcome.findings, outcome.report()
    assert outcome.told["answered"] > 0
    assert outcome.done["feed"] > 0
    assert outcome.kept["summary_written"] > 0
    assert outcome.kept["written first"] > 0


def test_all_sorts_of_faults_meet_everybody() -> None:
    faults = [fault for seed in range(10) for fault in plan(seed, 60)]

    assert {fault.kind for fault in faults} == set(get_args(Kind.__value__))
    for kind in ("kill", "pause"):
        assert {fault.victim for fault in faults if fault.kind == kind} == {*SERVICES, *SERVERS}
    for kind in ("cut", "delay", "lose_answers"):
        assert {fault.victim for fault in faults if fault.kind == kind} == set(SERVERS)


def test_a_seed_makes_one_plan() -> None:
    assert plan(7, 60) == plan(7, 60)
    assert plan(7, 60) != plan(8, 60)


@pytest.mark.parametrize(
    ("log", "finding"),
    [
        ((POSTED, replace(STARTED, version=3)), "versions have gaps"),
        ((POSTED, STARTED), "still open"),
        ((POSTED, STARTED, SENT, ENDED, replace(ENDED, version=5)), "answered twice"),
        ((POSTED, STARTED, replace(ENDED, version=3)), "without a word"),
        ((POSTED, STARTED, SENT, replace(ENDED, type="turn_failed.v1")), "a failed turn said"),
        ((POSTED, replace(POSTED, version=2)), "posted twice"),
        ((POSTED, STARTED, replace(STARTED, version=3)), "two turns"),
    ],
)
def test_the_checker_finds_what_is_wrong_in_a_log(log: Sequence[Logged], finding: str) -> None:
    assert any(finding in line for line in check_log(log))


def test_the_checker_finds_a_reply_to_somebody_else() -> None:
    mixed = replace(SENT, data=SAID | {"text": "you said mark1x2y b"})

    assert not list(check_log((POSTED, STARTED, SENT, ENDED)))
    assert any("another user" in line for line in check_log((POSTED, STARTED, mixed, ENDED)))


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


def test_an_answer_that_is_made_again_is_no_second_one() -> None:
    again = (
        Logged("s", 5, "turn_started.v1", {"turn_id": "u"}),
        Logged("s", 6, "messages_superseded.v1", {"message_ids": ["b"]}),
        Logged("s", 7, "message_sent.v1", SAID | {"message_id": "c", "turn_id": "u", "seq": 3}),
        Logged("s", 8, "turn_completed.v1", {"turn_id": "u", "answers": ["m"]}),
    )

    assert not list(check_log((POSTED, STARTED, SENT, ENDED, *again)))


def test_the_checker_finds_what_a_feed_told_twice_out_of_order_or_not_at_all() -> None:
    at = utc_now()
    log = [
        replace(
            one,
            event_id=str(one.version),
            user_id="ada",
            at=at + number * checker.AFTER_RESET,
            place=number,
        )
        for number, one in enumerate((POSTED, STARTED, SENT, ENDED))
    ]
    one, two, three, four = (Frame("any", {"event_id": row.event_id}, "1") for row in log)

    def found(*told: Frame) -> list[str]:
        journal = Journal("ada", "mark1x1y", "ada", spans=[list(told)])
        return list(checker.check_feed(journal, log))

    assert not found(one, two, three, four)
    assert any("twice" in line for line in found(one, one, two, three, four))
    assert any("out of order" in line for line in found(one, three, two, four))
    assert any("never told" in line for line in found(one, two, four))
    assert not found(one, two, three)  # gone before the fourth


def test_the_checker_finds_what_should_be_gone() -> None:
    journal = Journal("ada", "mark1x1y", left=True)

    assert list(checker.check_gone([journal], {"a table": "hello mark1x1y"}))
    assert not list(checker.check_gone([journal], {"a table": "hello"}))


@pytest.mark.parametrize(
    ("line", "is_found"),
    [
        ("chat       | 2026-11-28T06:08:24Z [warning  ] turn_failed  code=model_timeout", False),
        ("chat       | 2026-11-28T06:08:24Z [error    ] look_failed", True),
        ("chat       | 2026-11-28T06:08:24Z [critical ] ended", True),
        ("summarizer | 2026 [error    ] event_dead  error=bad_answer", False),
        ("summarizer | 2026 [error    ] event_dead  error=TooManyDeliveries", True),
        ("chat       | Traceback (most recent call last):", True),
    ],
)
def test_the_checker_finds_what_no_service_foresaw(line: str, is_found: bool) -> None:
    assert (list(checker.check_output(f"one\n{line}\ntwo")) == [line]) == is_found
