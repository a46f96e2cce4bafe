"""Sessions in which everything happens that chat's log can tell."""

from datetime import timedelta
from pathlib import Path
from uuid import UUID

from lingxi_chassis.clock import utc_now
from lingxi_chassis.ids import new_id
from lingxi_contracts.chat import (
    EditMessage,
    GetSummaryWork,
    PostedMessage,
    ReadMessages,
    RecordSummary,
    RegenerateTurn,
    RenameSession,
    SendProactive,
    StopTurn,
)
from services.chat.tests.component.harness import RunningChat
from tests.fixtures.waiting import eventually

RULES = Path(__file__).parents[4] / "deploy" / "safety-rules.example.json"
"""By which `care_for` is flagged."""


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


async def ended(chat: RunningChat, session_id: UUID) -> None:
    """Return once no turn is open."""

    async def is_closed() -> bool:
        return await chat.work(session_id) is None

    await eventually(is_closed)


async def edit(chat: RunningChat, session_id: UUID, message_id: UUID, text: str) -> None:
    """Other words for a message, and another answer."""
    await chat.ask(
        EditMessage(
            user_id=chat.user_id,
            session_id=session_id,
            message_id=message_id,
            new_message_id=new_id(),
            turn_id=new_id(),
            text=text,
        )
    )
    await ended(chat, session_id)


async def redirect(chat: RunningChat, session_id: UUID) -> None:
    """An answer made again, and again; a message in other words; a turn stopped before a word."""
    said = await chat.say("redirected", session_id)
    for _ in range(2):
        await chat.ask(
            RegenerateTurn(user_id=chat.user_id, session_id=session_id, turn_id=new_id())
        )
        await ended(chat, session_id)
    await edit(chat, session_id, said.message_id, "other words")
    await chat.model.fault("hang", contains="stopped", times=1)
    await chat.ask(chat.post("stopped", session_id))
    await chat.model.asked("stopped")
    await chat.ask(StopTurn(user_id=chat.user_id, session_id=session_id))
    await ended(chat, session_id)
    hidden = await chat.messages(session_id, superseded=True)
    assert len(hidden) - len(await chat.messages(session_id)) > 3


async def summarise(chat: RunningChat, session_id: UUID) -> int:
    """What is due is summed up; the last message that it tells."""
    due = await chat.ask(GetSummaryWork(user_id=chat.user_id, session_id=session_id))
    await chat.ask(
        RecordSummary(
            user_id=chat.user_id,
            session_id=session_id,
            covers_from=due.covers_from,
            covers_up_to=due.covers_up_to,
            superseded_count=due.superseded_count,
            title=f"About {due.covers_up_to}",
            summary=f"What was said up to {due.covers_up_to}.",
        )
    )
    return due.covers_up_to


async def sum_up(chat: RunningChat) -> UUID:
    """A session with three summaries: one that stands, one that an edit withdrew, one anew."""
    await chat.model.fault("raw", contains="summed", content="One bubble.")
    said = await chat.say("summed 1")
    session_id = said.session_id
    for covers_up_to in (10, 20):
        while (await chat.session(session_id)).message_count < covers_up_to:
            said = await chat.say("summed", session_id)
        assert await summarise(chat, session_id) == covers_up_to
    await edit(chat, session_id, said.message_id, "summed otherwise")
    assert await summarise(chat, session_id) > covers_up_to
    return session_id


async def care_for(chat: RunningChat) -> UUID:
    """A session with a message that needs care, a turn that failed, and words of the agent's own
    accord."""
    said = await chat.say("Sometimes I want to die.")
    await chat.model.fault("status", contains="fails", status=401)
    assert (await chat.say("This fails.", said.session_id)).status == "failed"
    await chat.say("Better now.", said.session_id)
    ids = {"user_id": chat.user_id, "session_id": said.session_id}
    await chat.ask(ReadMessages(**ids, up_to=None))
    posted = [one.seq for one in await chat.messages(said.session_id) if one.author == "user"]
    await chat.ask(
        SendProactive(
            **ids,
            decision_id=new_id(),
            text="How are you?",
            based_on_user_seq=posted[-1],
            expires_at=utc_now() + timedelta(minutes=5),
        )
    )
    return said.session_id
