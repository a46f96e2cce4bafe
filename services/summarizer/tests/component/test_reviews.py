"""Reviews of personalities: suggested with evidence, applied by themselves, left alone."""

from typing import Any
from uuid import UUID

import pytest

from lingxi_contracts.agent import (
    ChangePersonality,
    GetAgent,
    GetPersonalityHistory,
    GetSuggestion,
    PersonalitySuggestion,
)
from services.chat.tests.component.harness import RunningChat
from services.summarizer.tests.component.harness import (
    DONE_SECONDS_MAX,
    REVIEW,
    THINKING_SECONDS,
    asked,
    summarizing,
    talk,
)
from tests.fixtures.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")


def small_talk(marker: str, count: int = 20) -> list[str]:
    return [f"{marker} number {at}" for at in range(count)]


async def suggestion(
    chat: RunningChat, agent_id: UUID, session_id: UUID
) -> PersonalitySuggestion | None:
    question = GetSuggestion(user_id=chat.user_id, agent_id=agent_id, session_id=session_id)
    return (await chat.ask(question)).suggestion


async def suggested(chat: RunningChat, agent_id: UUID, session_id: UUID) -> PersonalitySuggestion:
    async def waits() -> bool:
        return await suggestion(chat, agent_id, session_id) is not None

    await eventually(waits, DONE_SECONDS_MAX)
    found = await suggestion(chat, agent_id, session_id)
    assert found is not None
    return found


async def version(chat: RunningChat, agent_id: UUID) -> Any:
    return await chat.ask(GetAgent(user_id=chat.user_id, agent_id=agent_id))


@pytest.mark.parametrize(
    ("marker", "wish"), [("review99", "Please be shorter"), ("看看九九", "说话简短一点")]
)
async def test_a_wish_becomes_a_suggestion_with_its_evidence(
    chat: RunningChat, marker: str, wish: str
) -> None:
    agent_id = await chat.agent("You are Mo.")
    async with summarizing(chat):
        session_id = await talk(chat, [wish, *small_talk(marker)], agent_id=agent_id)
        found = await suggested(chat, agent_id, session_id)
    messages = await chat.messages(session_id)
    evidence = [one.message_id for one in found.evidence]
    assert evidence == [one.message_id for one in messages if one.text == wish]
    assert found.suggested_personality.startswith("You are Mo.\n")
    assert wish in found.reason
    assert (found.based_on_version, found.confidence) == (1, 0.6)
    assert (await version(chat, agent_id)).personality_version == 1


async def test_what_the_user_says_outright_is_applied_by_itself(chat: RunningChat) -> None:
    agent_id = await chat.agent("You are Mo.")
    wishes = ["Please be shorter", "And be more playful"]
    async with summarizing(chat):
        session_id = await talk(chat, [*wishes, *small_talk("outright99")], agent_id=agent_id)

        async def applied() -> bool:
            return (await version(chat, agent_id)).personality_version == 2

        await eventually(applied, DONE_SECONDS_MAX)
    question = GetPersonalityHistory(user_id=chat.user_id, agent_id=agent_id)
    newest = (await chat.ask(question)).results[0]
    assert (newest.source, len(newest.evidence)) == ("auto", 2)
    assert await suggestion(chat, agent_id, session_id) is None


async def test_a_change_by_hand_while_the_model_thinks_is_not_overwritten(
    chat: RunningChat,
) -> None:
    agent_id = await chat.agent("You are Mo.")
    wishes = ["race99: please be shorter", "And be more playful"]
    await chat.model.fault("hang", contains="user: race99", seconds=THINKING_SECONDS)
    session_id = await talk(chat, [*small_talk("racing99", 12), *wishes], agent_id=agent_id)
    async with summarizing(chat):
        await asked(chat, REVIEW, "race99")
        await chat.ask(
            ChangePersonality(
                user_id=chat.user_id, agent_id=agent_id, personality_prompt="You are Max."
            )
        )
        await chat.model.heal()

        async def reviewed() -> bool:
            return (await chat.session(session_id)).personality_checked_at is not None

        await eventually(reviewed, DONE_SECONDS_MAX)
    now = await version(chat, agent_id)
    assert (now.personality_version, now.personality_prompt) == (2, "You are Max.")


async def test_without_a_wish_nothing_changes(chat: RunningChat) -> None:
    agent_id = await chat.agent("You are Mo.")
    async with summarizing(chat):
        session_id = await talk(chat, small_talk("content99"), agent_id=agent_id)

        async def reviewed() -> bool:
            return (await chat.session(session_id)).personality_checked_at is not None

        await eventually(reviewed, DONE_SECONDS_MAX)
    assert await suggestion(chat, agent_id, session_id) is None
    assert (await version(chat, agent_id)).personality_version == 1
