"""Chat's log as the story of its sessions, and what in it can never be right."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from tests.chaos.reading import Logged

MARK = re.compile(r"mark\d+x\d+y")
TOMBSTONES = frozenset(("session_deleted.v1", "watch_ended.v1"))


def check_log(log: Sequence[Logged]) -> Iterable[str]:
    """Versions without gaps; each turn started once and ended once; seq without gaps."""
    yield from check_versions(log)
    for session_id, rows in living(log).items():
        yield from _check_turns(session_id, rows)


def check_versions(log: Sequence[Logged]) -> Iterable[str]:
    """Of any owner's log: the versions of each stream have no gaps."""
    for stream_id, rows in _by_stream(log).items():
        if [row.version for row in rows] != list(range(1, len(rows) + 1)):
            yield f"{stream_id}: versions have gaps"


def living(log: Sequence[Logged]) -> dict[str, list[Logged]]:
    """The rows of each stream that is not deleted."""
    return {
        stream_id: rows
        for stream_id, rows in _by_stream(log).items()
        if not any(row.type in TOMBSTONES for row in rows)
    }


def _by_stream(log: Sequence[Logged]) -> dict[str, list[Logged]]:
    found: dict[str, list[Logged]] = defaultdict(list)
    for row in log:
        found[row.session_id].append(row)
    return found


@dataclass(slots=True)
class _Telling:
    """A session's story as its log tells it, and what is wrong with it."""

    session_id: str
    posted: dict[str, str] = field(default_factory=dict[str, str])
    answers: dict[str, set[str]] = field(default_factory=dict[str, set[str]])
    """By turn that spoke: the messages it answered, as far as its words stand."""
    said_in: dict[str, str] = field(default_factory=dict[str, str])
    superseded: set[str] = field(default_factory=set[str])
    open_turn: str | None = None
    bubbles: list[str] = field(default_factory=list[str])
    seq: int = 0
    wrong: list[str] = field(default_factory=list[str])

    def tell(self, row: Logged) -> None:
        """One more event."""
        data = row.data or {}
        match row.type:
            case "message_posted.v1":
                self._numbered(data["seq"])
                self._if(data["message_id"] in self.posted, f"{data['message_id']} posted twice")
                self.posted[data["message_id"]] = data["text"]
            case "turn_started.v1":
                self._if(self.open_turn is not None, "two turns are open")
                self.open_turn, self.bubbles = data["turn_id"], []
            case "message_sent.v1":
                self._numbered(data["seq"])
                self._if(data["turn_id"] != self.open_turn, "a bubble of a turn that is not open")
                if data["turn_id"] is None:
                    return  # written first: chat refuses that during a turn
                self.bubbles.append(data["text"])
                self.said_in[data["message_id"]] = data["turn_id"]
            case "turn_completed.v1" | "turn_stopped.v1":
                self._end(data["turn_id"])
                if self.bubbles:
                    self._answer(data["turn_id"], data["answers"])
                else:
                    self._if(row.type == "turn_completed.v1", "a turn completed without a word")
            case "messages_superseded.v1":
                self._supersede(data["message_ids"])
            case "turn_failed.v1":
                self._if(bool(self.bubbles), "a failed turn said something")
                self._end(data["turn_id"])
            case _:
                pass

    def _answer(self, turn_id: str, answers: Sequence[str]) -> None:
        before = {one for turn in self.answers.values() for one in turn}
        self._if(bool(before & set(answers)), "a message was answered twice")
        self._if(bool(self.superseded & set(answers)), "an answer to what was edited")
        self.answers[turn_id] = set(answers)
        said = [self.posted[answer] for answer in answers]
        self.wrong += _check_reply(self.session_id, said, self.bubbles)

    def _supersede(self, message_ids: Sequence[str]) -> None:
        """An answer that is made again, or whose question was edited, counts no more."""
        self._if(bool(self.superseded & set(message_ids)), "superseded twice")
        self.superseded |= set(message_ids)
        for message_id in message_ids:
            self.answers.pop(self.said_in.get(message_id, ""), None)

    def _numbered(self, seq: int) -> None:
        self.seq += 1
        self._if(seq != self.seq, f"seq {seq} where {self.seq} was due")

    def _end(self, turn_id: str) -> None:
        self._if(turn_id != self.open_turn, "a turn ended that was not open")
        self.open_turn = None

    def _if(self, wrong: bool, what: str) -> None:
        if wrong:
            self.wrong.append(f"{self.session_id}: {what}")


def _check_turns(session_id: str, rows: Sequence[Logged]) -> Iterable[str]:
    telling = _Telling(session_id)
    for row in rows:
        telling.tell(row)
    yield from telling.wrong
    if telling.open_turn is not None:
        yield f"{session_id}: a turn is still open"


def _check_reply(session_id: str, said: Sequence[str], bubbles: Sequence[str]) -> Iterable[str]:
    """The simulator speaks of what it was told: of nobody else's words, and of these."""
    if not said:
        yield f"{session_id}: an answer to nothing"
    marks = {mark for text in said for mark in MARK.findall(text)}
    spoken = {mark for text in bubbles for mark in MARK.findall(text)}
    if spoken - marks:
        yield f"{session_id}: a reply speaks of {spoken - marks}, another user's words"
