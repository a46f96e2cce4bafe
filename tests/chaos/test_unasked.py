"""The checker of what is done without being asked: what was tampered with is found."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from lingxi_chassis.ids import new_id
from tests.chaos.reading import Logged
from tests.chaos.unasked import check_decisions, check_summaries, given_up, owed_summaries

DECIDED = Logged("s", 1, "proactive_decided.v1", {"decision_id": "d", "text": "Hello?"})
SENT = Logged("s", 2, "proactive_settled.v1", {"decision_id": "d", "outcome": "sent"})
SKIPPED = replace(SENT, data={"decision_id": "d", "outcome": "skipped"})
ENDED = Logged("s", 3, "watch_ended.v1", {})
POSTED = Logged("s", 1, "message_posted.v1", {"seq": 1})
SAID = Logged("s", 2, "message_sent.v1", {"seq": 2, "proactive_id": "d"})


def logged(*events: tuple[str, dict[str, Any]]) -> list[Logged]:
    return [Logged("s", at, f"{name}.v1", data) for at, (name, data) in enumerate(events, 1)]


def written(first: int, last: int) -> tuple[str, dict[str, Any]]:
    return "summary_written", {"covers_from": first, "covers_up_to": last}


POSTS = [("message_posted", {"seq": 30}), ("summary_due", {"to_seq": 20})]
WITHDRAWN = ("summary_withdrawn", {"covers_up_to": 10})


@pytest.mark.parametrize(
    ("summaries", "is_right"),
    [
        ([written(1, 10), written(11, 20)], True),
        ([written(1, 10), written(11, 20), WITHDRAWN, written(11, 30)], True),
        ([written(1, 10), written(10, 20)], False),
        ([written(1, 10), written(12, 20)], False),
        ([written(1, 10), written(1, 10)], False),
        ([written(1, 31)], False),
        ([written(1, 12), WITHDRAWN], False),
    ],
)
def test_a_summary_covers_each_range_once(
    summaries: list[tuple[str, dict[str, Any]]], is_right: bool
) -> None:
    found = list(check_summaries(logged(*POSTS, *summaries)))

    assert (not found) == is_right


def test_a_summary_that_is_due_is_owed_until_it_is_written() -> None:
    assert list(owed_summaries(logged(*POSTS)))
    assert list(owed_summaries(logged(*POSTS, written(1, 19))))
    assert not list(owed_summaries(logged(*POSTS, written(1, 20))))


def test_a_summary_that_the_model_had_no_answer_to_is_owed_no_more() -> None:
    due = str(new_id())
    log = [replace(row, event_id=due) for row in logged(*POSTS)]
    line = f"summarizer | 2026 [error    ] event_dead   error={{}} event_id={due}"

    assert not list(owed_summaries(log, given_up(line.format("bad_answer"))))
    assert list(owed_summaries(log, given_up(line.format("TooManyDeliveries"))))


@pytest.mark.parametrize(
    ("decided", "log", "finding"),
    [
        ((DECIDED, SENT), (POSTED, SAID), None),
        ((DECIDED, SKIPPED), (POSTED,), None),
        ((DECIDED, ENDED), (POSTED,), None),
        ((DECIDED,), (POSTED, SAID), "still on its way"),
        ((DECIDED, SENT), (POSTED,), "are not the messages"),
        ((DECIDED, SKIPPED), (POSTED, SAID), "are not the messages"),
        ((DECIDED, SENT), (POSTED, SAID, replace(SAID, version=3)), "are not the messages"),
        ((DECIDED, replace(DECIDED, version=2), SENT), (POSTED, SAID), "decided twice"),
        ((DECIDED, replace(DECIDED, data={"decision_id": "e", "text": "?"})), (), "two decisions"),
        ((DECIDED, SENT, replace(SENT, version=3)), (POSTED, SAID), "settled twice"),
        ((SENT,), (POSTED, SAID), "never made"),
        ((), (POSTED, SAID), "nobody decided"),
    ],
)
def test_a_decision_is_sent_once_or_not_at_all(
    decided: Sequence[Logged], log: Sequence[Logged], finding: str | None
) -> None:
    found = list(check_decisions(decided, log))

    assert (not found) if finding is None else any(finding in line for line in found)
