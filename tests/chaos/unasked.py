"""What is done without being asked: summaries, and messages that an agent writes first.

A summary covers each range once. Of a session at most one decision is on its way; it is settled
once, and as sent exactly if chat said it.
"""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.chaos.reading import Logged
from tests.chaos.telling import living

UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def check_summaries(log: Sequence[Logged]) -> Iterable[str]:
    """Each begins where the one before it ended, and none tells of what is not there."""
    for session_id, rows in living(log).items():
        yield from (f"{session_id}: {what}" for what in _summarised(rows).wrong)


def given_up(output: str) -> frozenset[str]:
    """The events that the model had no answer to: what is due next covers them, too."""
    lines = (line for line in output.splitlines() if is_given_up(line))
    return frozenset(event_id for line in lines for event_id in UUID.findall(line))


def is_given_up(line: str) -> bool:
    """Whether a log line tells of such an event."""
    return "event_dead" in line and "bad_answer" in line


def owed_summaries(log: Sequence[Logged], given_up: Collection[str] = ()) -> Iterable[str]:
    """What fell due and is not summarised yet."""
    for session_id, rows in living(log).items():
        told = _summarised(rows)
        if told.covered < told.due and told.due_event not in given_up:
            yield f"{session_id}: summarised up to {told.covered}, due up to {told.due}"


@dataclass(slots=True)
class _Summaries:
    ends: list[int] = field(default_factory=list[int])
    """Of those that stand or can stand again."""
    due: int = 0
    due_event: str = ""
    seq: int = 0
    wrong: list[str] = field(default_factory=list[str])

    @property
    def covered(self) -> int:
        return self.ends[-1] if self.ends else 0

    def tell(self, row: Logged) -> None:
        data = row.data or {}
        match row.type:
            case "message_posted.v1" | "message_sent.v1":
                self.seq = data["seq"]
            case "summary_due.v1":
                self.due, self.due_event = data["to_seq"], row.event_id
            case "summary_written.v1":
                first, last = data["covers_from"], data["covers_up_to"]
                if first != self.covered + 1 or not first <= last <= self.seq:
                    self.wrong.append(f"{first} to {last} of {self.seq} after {self.covered}")
                self.ends.append(last)
            case "summary_withdrawn.v1":
                falls_to = data["covers_up_to"]
                if falls_to not in (0, *self.ends):
                    self.wrong.append(f"a summary up to {falls_to} never stood")
                self.ends = [end for end in self.ends if end <= falls_to]
                self.due = min(self.due, falls_to)
            case _:
                pass


def _summarised(rows: Sequence[Logged]) -> _Summaries:
    told = _Summaries()
    for row in rows:
        told.tell(row)
    return told


@dataclass(slots=True)
class _Decisions:
    """One session's, as scheduler's log tells them."""

    made: set[str] = field(default_factory=set[str])
    settled: dict[str, str] = field(default_factory=dict[str, str])
    on_its_way: str | None = None
    wrong: list[str] = field(default_factory=list[str])

    def tell(self, kind: str, data: dict[str, Any]) -> None:
        decision = data["decision_id"]
        if kind == "proactive_decided.v1":
            self._if(decision in self.made, f"{decision} was decided twice")
            self.made.add(decision)
            if data.get("text") is not None:
                self._if(self.on_its_way is not None, "two decisions are on their way")
                self.on_its_way = decision
        elif kind == "proactive_settled.v1":
            self._if(decision not in self.made, f"{decision} was settled, never made")
            self._if(decision in self.settled, f"{decision} was settled twice")
            self.settled[decision] = data["outcome"]
            self.on_its_way = None

    def _if(self, wrong: bool, what: str) -> None:
        if wrong:
            self.wrong.append(what)


def check_decisions(decided: Sequence[Logged], log: Sequence[Logged]) -> Iterable[str]:
    """Scheduler's log against chat's: each decision to write became one message, or none."""
    sessions = living(log)
    said = {
        session_id: [row.data["proactive_id"] for row in rows if row.data and is_written_first(row)]
        for session_id, rows in sessions.items()
    }
    for session_id, rows in living(decided).items():
        told = _Decisions()
        for row in rows:
            told.tell(row.type, row.data or {})
        yield from (f"{session_id}: {what}" for what in told.wrong)
        if told.on_its_way is not None:
            yield f"{session_id}: {told.on_its_way} is still on its way"
        elif session_id in sessions:
            sent = sorted(one for one, outcome in told.settled.items() if outcome == "sent")
            if sent != sorted(said.pop(session_id)):
                yield f"{session_id}: decisions that were sent are not the messages written first"
    for session_id, decisions in said.items():
        if decisions:
            yield f"{session_id}: {len(decisions)} messages written first that nobody decided"


def is_written_first(row: Logged) -> bool:
    """Whether it is a message that an agent wrote first."""
    data = row.data or {}
    return row.type == "message_sent.v1" and data.get("proactive_id") is not None
