"""Messages that need care: flagged with the post, shown with what becomes of them."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from lingxi_chassis.clock import utc_now
from lingxi_chassis.ids import new_id
from lingxi_contracts.chat import (
    EditMessage,
    GetProactiveWork,
    GetReviewWork,
    ReadMessages,
    SendProactive,
)
from lingxi_contracts.errors import ProactiveOutdated
from services.chat.tests.component.harness import RunningChat
from tests.fixtures.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

EXAMPLE = Path(__file__).parents[4] / "deploy" / "safety-rules.example.json"
CARE = "Sometimes I want to die."


@pytest.fixture(scope="module")
def settings_of_module() -> dict[str, Any]:
    return {"SAFETY_RULES_FILE": str(EXAMPLE)}


async def test_it_is_flagged_in_the_append_of_the_post(chat: RunningChat) -> None:
    post = chat.post(CARE)
    posted = await chat.ask(post)
    assert posted.critical is not None
    assert posted.critical.critical_type == "self_harm"
    assert posted.critical.links
    answered = await chat.outcome(posted)
    assert (answered.status, answered.critical) == ("answered", posted.critical)
    assert (await chat.ask(post)).critical == posted.critical
    assert (await chat.logged(posted.session_id))[:3] == [
        "session_started",
        "message_posted",
        "message_flagged",
    ]
    kinds = [one.critical_type for one in await chat.messages(posted.session_id)]
    assert kinds[0] == "self_harm"
    assert set(kinds[1:]) == {None}


async def test_nothing_rests_on_it(chat: RunningChat) -> None:
    said = await chat.say("Good morning.")
    assert said.critical is None
    await chat.say(CARE, said.session_id)
    review = await chat.ask(GetReviewWork(user_id=chat.user_id, session_id=said.session_id))
    assert CARE not in {message.text for message in review.messages}
    await chat.ask(ReadMessages(user_id=chat.user_id, session_id=said.session_id, up_to=None))
    stands = await chat.ask(GetProactiveWork(user_id=chat.user_id, session_id=said.session_id))
    assert stands.flagged
    command = SendProactive(
        user_id=chat.user_id,
        session_id=said.session_id,
        decision_id=new_id(),
        text="Hello?",
        based_on_user_seq=stands.newest_user_seq,
        expires_at=utc_now() + timedelta(minutes=5),
    )
    with pytest.raises(ProactiveOutdated):
        await chat.ask(command)
    await chat.say("I feel better.", said.session_id)
    stands = await chat.ask(GetProactiveWork(user_id=chat.user_id, session_id=said.session_id))
    assert not stands.flagged


async def test_other_words_are_looked_at_too(chat: RunningChat) -> None:
    said = await chat.say("Good morning.")
    edit = EditMessage(
        user_id=chat.user_id,
        session_id=said.session_id,
        message_id=said.message_id,
        new_message_id=new_id(),
        turn_id=new_id(),
        text="我不想活了",
    )
    await chat.ask(edit)

    async def ended() -> bool:
        return await chat.work(said.session_id) is None

    await eventually(ended)
    flagged = [
        data for name, data in await chat.events(said.session_id) if name == "message_flagged"
    ]
    assert [data["message_id"] for data in flagged] == [str(edit.new_message_id)]
    assert flagged[0]["text"].startswith("我是人工智能")
