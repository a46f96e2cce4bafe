"""Read marks: which are sent, and when. Chat is a list of what it was told."""

import asyncio
from uuid import UUID

import pytest

from lingxi_chassis.ids import new_id
from lingxi_contracts.base import Nothing
from lingxi_contracts.chat import ReadMessages
from lingxi_contracts.errors import Refusal, SessionNotFound, Unavailable
from lingxi_gateway.application import read_marks
from lingxi_gateway.application.read_marks import ReadMarks
from tests.fixtures.waiting import eventually

USER, SESSION = new_id(), new_id()
NEVER_SECONDS = 3600.0


class Told:
    """Takes marks; `refusals` are raised first, one a mark."""

    def __init__(self, *refusals: Refusal) -> None:
        self.marks: list[ReadMessages] = []
        self.refusals = list(refusals)
        self.tries = 0
        self.open = asyncio.Event()
        self.open.set()

    async def __call__(self, mark: ReadMessages) -> Nothing:
        await self.open.wait()
        self.tries += 1
        if self.refusals:
            raise self.refusals.pop(0)
        self.marks.append(mark)
        return Nothing()

    @property
    def up_to(self) -> list[UUID | None]:
        return [mark.up_to for mark in self.marks]


async def test_a_mark_is_sent_once_it_settled() -> None:
    told = Told()
    marks = ReadMarks(told, settle_seconds=0.01)
    up_to = new_id()
    await marks.note(USER, SESSION, up_to)
    assert told.marks == []
    await eventually(lambda: told.tries == 1)
    assert told.marks == [ReadMessages(user_id=USER, session_id=SESSION, up_to=up_to)]
    await eventually(lambda: not marks.users)
    assert marks.settling == 0


async def test_a_post_makes_it_needless() -> None:
    told = Told()
    marks = ReadMarks(told, settle_seconds=NEVER_SECONDS)
    up_to = new_id()
    await marks.note(USER, SESSION, up_to)
    assert marks.drop(USER, new_id()) is None
    assert marks.drop(USER, SESSION) == up_to
    assert marks.drop(USER, SESSION) is None
    await marks.flush(USER)
    assert told.marks == []
    assert (marks.settling, marks.users) == (0, 0)


async def test_the_newest_mark_of_a_session_is_kept() -> None:
    told = Told()
    marks = ReadMarks(told, settle_seconds=NEVER_SECONDS)
    older, newer = new_id(), new_id()
    await marks.note(USER, SESSION, newer)
    await marks.note(USER, SESSION, older)
    await marks.flush(USER)
    assert told.up_to == [newer]


async def test_flush_waits_for_all_of_one_user_also_those_on_their_way() -> None:
    told = Told()
    marks = ReadMarks(told, settle_seconds=NEVER_SECONDS)
    on_its_way, settling, others = new_id(), new_id(), new_id()
    told.open.clear()
    await marks.note(USER, SESSION, on_its_way)
    first = asyncio.create_task(marks.flush(USER))
    await eventually(lambda: marks.settling == 0)
    await marks.note(USER, new_id(), settling)
    await marks.note(new_id(), SESSION, others)
    second = asyncio.create_task(marks.flush(USER))
    await eventually(lambda: marks.settling == 1)
    assert not first.done()
    assert not second.done()
    told.open.set()
    await asyncio.gather(first, second)
    assert set(told.up_to) == {on_its_way, settling}
    await marks.finish()
    assert set(told.up_to) == {on_its_way, settling, others}


async def test_beyond_the_bound_marks_are_sent_at_once() -> None:
    told = Told()
    marks = ReadMarks(told, settle_seconds=NEVER_SECONDS, marks_max=1)
    kept, beyond = new_id(), new_id()
    await marks.note(USER, SESSION, kept)
    await marks.note(USER, new_id(), beyond)
    assert told.up_to == [beyond]
    assert marks.settling == 1
    await marks.finish()
    assert told.up_to == [beyond, kept]


async def test_chat_may_be_away_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read_marks, "RETRY_SECONDS", (0.0, 0.0))
    told = Told(Unavailable(), Unavailable())
    marks = ReadMarks(told, settle_seconds=NEVER_SECONDS)
    up_to = new_id()
    await marks.note(USER, SESSION, up_to)
    await marks.flush(USER)
    assert told.up_to == [up_to]
    gone = Told(SessionNotFound())
    marks = ReadMarks(gone, settle_seconds=NEVER_SECONDS)
    await marks.note(USER, SESSION, up_to)
    await marks.flush(USER)
    assert (gone.tries, gone.marks) == (1, [])
