"""A moderation model beside the turn: what it finds comes with the answer, and it stops nothing."""

from pathlib import Path
from typing import Any

import pytest

from services.chat.tests.component.harness import RunningChat
from tests.fixtures.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

EXAMPLE = Path(__file__).parents[4] / "deploy" / "safety-rules.example.json"
MEANT = "I see no reason to go on like this."
"""What the rules do not see and the simulator's moderation does."""


@pytest.fixture(scope="module")
def settings_of_module() -> dict[str, Any]:
    return {
        "SAFETY_RULES_FILE": str(EXAMPLE),
        "MODERATION_MODEL": "omni-moderation-latest",
        "MODEL_CONCURRENCY": 1,
    }


async def test_what_it_finds_is_logged_before_the_answer(chat: RunningChat) -> None:
    said = await chat.say(MEANT)
    assert said.status == "answered"
    assert said.critical is not None
    assert said.critical.critical_type == "self_harm"
    assert said.critical.links
    logged = await chat.logged(said.session_id)
    assert logged.count("message_flagged") == 1
    assert logged.index("turn_started") < logged.index("message_flagged")
    assert logged.index("message_flagged") < logged.index("message_sent")
    (kind, *_) = [one.critical_type for one in await chat.messages(said.session_id)]
    assert kind == "self_harm"


async def test_the_rule_in_the_messages_own_writing_is_shown(chat: RunningChat) -> None:
    said = await chat.say("这样下去我不想活下去了。")
    assert said.critical is not None
    assert "人工智能" in said.critical.text


async def test_what_no_rule_names_is_flagged_without_a_text(chat: RunningChat) -> None:
    said = await chat.say("I will beat him up tomorrow.")
    assert said.critical is not None
    assert (said.critical.critical_type, said.critical.text) == ("violence", "")


async def test_a_rule_comes_first_and_nothing_is_flagged_twice(chat: RunningChat) -> None:
    said = await chat.say("I want to hurt myself, to die.")
    assert (await chat.logged(said.session_id)).count("message_flagged") == 1


async def test_small_talk_is_not_flagged(chat: RunningChat) -> None:
    said = await chat.say("Good morning.")
    assert said.critical is None
    assert "message_flagged" not in await chat.logged(said.session_id)


@pytest.mark.parametrize("do", ["status", "hang"])
async def test_a_provider_that_is_away_stops_no_turn(chat: RunningChat, do: str) -> None:
    await chat.model.fault(do, path="moderations", times=1)
    said = await chat.say(MEANT)
    assert said.status == "answered"
    assert said.critical is None


async def test_it_looks_while_the_model_speaks(chat: RunningChat) -> None:
    """Guards `AskOnce`'s own gate: the only slot for replies is taken then."""
    await chat.model.fault("hang", path="completions", after_chunks=1)
    posted = await chat.ask(chat.post(f"{MEANT} At all."))

    async def looked_at() -> bool:
        asked = (await chat.model.http.get("/requests")).json()["requests"]
        return any("At all." in str(one["body"].get("input")) for one in asked)

    await eventually(looked_at)
    await chat.model.heal()
    said = await chat.outcome(posted)
    assert (said.status, said.critical is not None) == ("answered", True)
