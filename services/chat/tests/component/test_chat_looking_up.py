"""What a turn speaks from, looked up before the post that starts it is recorded, or after."""

from uuid import UUID

import pytest

from lingxi_chassis.clock import utc_now
from lingxi_chassis.ids import new_id
from lingxi_chat import bootstrap
from lingxi_chat.adapters.agents import RemoteProfiles
from lingxi_chat.application.look_up import VERBATIM_MESSAGES, LookUp
from lingxi_chat.domain import conversation
from lingxi_chat.domain.prompt import Said
from lingxi_contracts.chat import RecordSummary
from services.chat.tests.component.harness import RunningChat
from services.chat.tests.component.talks import talked

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_what_the_append_reads_holds_the_posted_message_once(chat: RunningChat) -> None:
    """Guards `Beginning`: what a message's append reads is what is there once it is committed."""
    session_id = (await chat.say("How it begins.")).session_id
    look_up = LookUp(chat.pool, RemoteProfiles(chat.rpc))
    log = bootstrap.session_log(chat.pool)
    before = await log.load(session_id, chat.user_id)
    assert before is not None
    posted = Said(before.state.last_seq + 1, "user", "How it goes on.", utc_now())

    beginning = look_up.beginning(chat.user_id, session_id, before.state, posted)
    message_id = new_id()
    events = conversation.post(
        before.state, message_id, posted.text, "hash", mark_read=False, turn_id=new_id()
    )
    after, was = await log.append_and_read(before, events, posted.at, beginning.reading)

    early = await beginning.found(was)
    late = await look_up(chat.user_id, session_id, after.state)
    texts = [said.text for said in early.newest.messages]
    assert texts[0] == "How it begins."
    assert texts.index(posted.text) == len(texts) - 1
    assert early == late


async def test_the_first_message_of_a_session_knows_of_the_others(chat: RunningChat) -> None:
    """Guards `elsewhere`, which is read before there is the session."""
    agent_id = await chat.agent(name="Elsewhere")
    await chat.say("My boat is called Sirius.", agent_id=agent_id)

    await chat.say("What is my boat called?", agent_id=agent_id)

    ((system, *_),) = await chat.model.prompts("What is my boat called?")
    assert "My boat is called Sirius." in system["content"]


async def test_of_a_long_session_the_prompt_holds_the_newest(chat: RunningChat) -> None:
    """Guards `VERBATIM_MESSAGES`: what the summary tells costs no more tokens the longer it is."""
    agent_id = await chat.agent(name="Long")
    session_id = await talked(chat, agent_id, [f"Line {n}." for n in range(3 * VERBATIM_MESSAGES)])
    assert await words_of_prompt(chat, session_id, "Before.") > 2 * VERBATIM_MESSAGES
    last_seq = (await chat.session(session_id)).message_count
    await chat.ask(
        RecordSummary(
            user_id=chat.user_id,
            session_id=session_id,
            covers_from=1,
            covers_up_to=last_seq,
            superseded_count=0,
            title="Lines",
            summary="They counted lines.",
        )
    )

    assert await words_of_prompt(chat, session_id, "After.") == VERBATIM_MESSAGES


async def test_a_session_that_is_no_whole_prompt_is_not_asked_for_others(chat: RunningChat) -> None:
    """Guards `asks_elsewhere`: each version that the session's row has had is looked at for that,
    and every turn makes two."""
    agent_id = await chat.agent(name="Many")
    for lines in (2, 40, 200):
        session_id = await talked(chat, agent_id, ["Hello.", "Hello!"] * (lines // 2))
        snapshot = await bootstrap.session_log(chat.pool).load(session_id, chat.user_id)
        assert snapshot is not None

        look_up = LookUp(chat.pool, RemoteProfiles(chat.rpc))
        found = await look_up(chat.user_id, session_id, snapshot.state)

        assert found.newest.elsewhere == (lines == 40)


async def words_of_prompt(chat: RunningChat, session_id: UUID, text: str) -> int:
    """How many messages the model is sent with this one, itself among them."""
    await chat.model.fault("raw", contains=text, content="One bubble.")
    await chat.say(text, session_id)
    (prompt,) = await chat.model.prompts(text)
    return len(prompt) - 1
