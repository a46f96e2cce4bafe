"""Chat's read models and snapshots, made again from the log while people talk."""

import asyncio
from uuid import UUID

import pytest

from lingxi_chassis.eventlog import EventLog
from lingxi_chassis.ids import new_id
from lingxi_chassis.postgres import Row, execute, fetch_all
from lingxi_chassis.rebuild import ReadModels, rebuild_read_models, rebuild_snapshots
from lingxi_chat.domain import session
from lingxi_chat.projections import messages, sessions, summaries
from lingxi_contracts.chat import (
    EVENTS,
    DeleteSession,
    EditMessage,
    PostedMessage,
    RegenerateTurn,
    RenameSession,
    SessionDeleted,
    StopTurn,
)
from services.chat.tests.component.harness import RunningChat
from tests.fixtures.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

READ_MODELS = ReadModels(
    create=(*messages.CREATE, *sessions.CREATE, *summaries.CREATE),
    projections=(*messages.PROJECTIONS, *sessions.PROJECTIONS, *summaries.PROJECTIONS),
)
TOMBSTONES = frozenset({SessionDeleted.tag})
SHOWN = (
    "select * from messages order by session_id, seq",
    "select * from sessions order by session_id",
    "select * from summaries order by session_id, covers_up_to",
    "select stream_id, user_id, version, xid::text, state from streams order by stream_id",
)


async def shown(chat: RunningChat) -> list[list[Row]]:
    return [await fetch_all(chat.pool, select, {}) for select in SHOWN]


def open_log(chat: RunningChat) -> EventLog[session.Session, session.SessionEvent]:
    """The log, to fold it."""
    return EventLog(chat.pool, sessions.SESSION, session.NEW, session.evolve)


async def talk(chat: RunningChat, lines: int, said: list[PostedMessage]) -> UUID:
    """A session of its own, with a title of the user's."""
    session_id: UUID | None = None
    for number in range(lines):
        posted = await chat.say(f"line {number}", session_id)
        session_id = posted.session_id
        said.append(posted)
    assert session_id is not None
    await chat.ask(RenameSession(user_id=chat.user_id, session_id=session_id, title="mine"))
    return session_id


async def redirect(chat: RunningChat, session_id: UUID) -> None:
    """An answer made again, and again; a message in other words; a turn stopped before a word."""

    async def ended() -> bool:
        return await chat.work(session_id) is None

    said = await chat.say("redirected", session_id)
    for _ in range(2):
        await chat.ask(
            RegenerateTurn(user_id=chat.user_id, session_id=session_id, turn_id=new_id())
        )
        await eventually(ended)
    await chat.ask(
        EditMessage(
            user_id=chat.user_id,
            session_id=session_id,
            message_id=said.message_id,
            new_message_id=new_id(),
            turn_id=new_id(),
            text="other words",
        )
    )
    await eventually(ended)
    await chat.model.fault("hang", contains="stopped", times=1)
    await chat.ask(chat.post("stopped", session_id))
    await chat.model.asked("stopped")
    await chat.ask(StopTurn(user_id=chat.user_id, session_id=session_id))
    await eventually(ended)
    hidden = await chat.messages(session_id, superseded=True)
    assert len(hidden) - len(await chat.messages(session_id)) > 3


async def test_a_rebuild_gives_the_same_rows(chat: RunningChat) -> None:
    """Guards chat's folds: whatever the batch, read models and snapshots are equal row by row;
    of a deleted session, blanked or not, nothing comes back."""
    said: list[PostedMessage] = []
    kept, gone = await asyncio.gather(talk(chat, 4, said), talk(chat, 3, said))
    burst = [chat.post(f"burst {number}", kept) for number in range(3)]
    for posted in [await chat.ask(post) for post in burst]:
        await chat.outcome(posted)
    await redirect(chat, kept)
    await chat.ask(DeleteSession(user_id=chat.user_id, session_id=gone))
    before = await shown(chat)
    rows_of_session = [row[0] for row in before[0]].count
    assert rows_of_session(kept) > 10
    assert rows_of_session(gone) == 0
    blank = "update events set data = null where stream_id = %(gone)s and version <= %(versions)s"
    for versions in (0, 5, 10_000):
        keep_tombstone = " and type <> 'session_deleted.v1'"
        await execute(chat.pool, blank + keep_tombstone, {"gone": gone, "versions": versions})
        for batch_rows in (1, 7, 10_000):
            await rebuild_read_models(chat.settings.database_url, READ_MODELS, batch_rows)
            assert await shown(chat) == before, f"{batch_rows} rows a batch"
    assert (await rebuild_snapshots(open_log(chat), EVENTS, TOMBSTONES)).replaced == 0
    assert await shown(chat) == before


async def test_people_talk_on_during_rebuilds(chat: RunningChat) -> None:
    """Guards the swap under the running service: all that was said is there, once, in order."""
    said: list[PostedMessage] = []
    stop = asyncio.Event()

    async def go_on() -> None:
        while not stop.is_set():
            await talk(chat, 3, said)

    talking = [asyncio.create_task(go_on()) for _ in range(3)]
    await eventually(lambda: len(said) > 9)
    for batch_rows in (10, 2_000):
        spoken = len(said)
        await rebuild_read_models(chat.settings.database_url, READ_MODELS, batch_rows)
        await eventually(lambda spoken=spoken: len(said) > spoken + 6)
    stop.set()
    await asyncio.gather(*talking)
    before = await shown(chat)
    await rebuild_read_models(chat.settings.database_url, READ_MODELS)
    assert await shown(chat) == before
    assert {posted.status for posted in said} == {"answered"}
    for session_id in {posted.session_id for posted in said}:
        views = await chat.messages(session_id)
        assert [view.seq for view in views] == list(range(1, len(views) + 1))
        texts = [view.text for view in views if view.author == "user"]
        assert texts == [f"line {number}" for number in range(3)]
