"""Reviews, suggestions, and what becomes of them."""

import asyncio
from typing import Any
from uuid import UUID

import pytest

from lingxi_chassis.ids import new_id
from lingxi_chassis.postgres import fetch_all
from lingxi_contracts.agent import (
    AgentView,
    ApplySuggestion,
    ChangePersonality,
    DismissSuggestion,
    GetAgent,
    GetPersonalityHistory,
    GetPersonalityReview,
    GetSuggestion,
    PersonalitySuggestion,
    RollBackPersonality,
)
from lingxi_contracts.errors import SessionNotFound, SuggestionNotFound
from lingxi_contracts.identity import suggestion_id
from services.agent.tests.component.companion import create, forgets, review
from services.agent.tests.component.conftest import RunningAgent


@pytest.fixture
def session_id() -> UUID:
    return new_id()


async def waiting(
    agent: RunningAgent, of: AgentView, user_id: UUID, session_id: UUID
) -> PersonalitySuggestion | None:
    question = GetSuggestion(user_id=user_id, agent_id=of.agent_id, session_id=session_id)
    return (await agent.rpc.call(question)).suggestion


async def is_due(
    agent: RunningAgent, of: AgentView, user_id: UUID, session_id: UUID, to_seq: int
) -> bool:
    question = GetPersonalityReview(
        user_id=user_id, agent_id=of.agent_id, session_id=session_id, to_seq=to_seq
    )
    return (await agent.rpc.call(question)).due


async def tags(agent: RunningAgent, of: AgentView) -> list[str]:
    rows = await fetch_all(
        agent.pool,
        "select type from events where stream_id = %(id)s order by version",
        {"id": of.agent_id},
    )
    return [row[0].partition(".")[0] for row in rows[2:]]


async def test_a_review_suggests_and_the_user_applies(
    agent: RunningAgent, user_id: UUID, session_id: UUID
) -> None:
    made = await create(agent, user_id)
    assert await is_due(agent, made, user_id, session_id, 20)
    command = review(made, user_id, session_id)
    answers = await asyncio.gather(*(agent.rpc.call(command) for _ in range(4)))
    assert sorted(answer.outcome for answer in answers) == ["suggested"] + ["unchanged"] * 3
    assert not await is_due(agent, made, user_id, session_id, 20)
    assert await is_due(agent, made, user_id, session_id, 40)
    suggested = await waiting(agent, made, user_id, session_id)
    assert suggested is not None
    assert suggested.suggestion_id == suggestion_id(session_id, 20)
    assert (suggested.reason, suggested.evidence) == (command.reason, command.evidence)
    ids: dict[str, Any] = {
        "user_id": user_id,
        "agent_id": made.agent_id,
        "session_id": session_id,
    }
    applied = await agent.rpc.call(ApplySuggestion(**ids))
    assert (applied.personality_version, applied.personality_prompt) == (2, "Kind and short.")
    history = GetPersonalityHistory(user_id=user_id, agent_id=made.agent_id)
    newest = (await agent.rpc.call(history)).results[0]
    assert (newest.source, newest.reason, newest.confidence, newest.evidence) == (
        "suggestion",
        command.reason,
        0.5,
        command.evidence,
    )
    for late in (ApplySuggestion(**ids), DismissSuggestion(**ids)):
        with pytest.raises(SuggestionNotFound):
            await agent.rpc.call(late)
    assert await waiting(agent, made, user_id, session_id) is None
    assert await tags(agent, made) == [
        "personality_reviewed",
        "personality_suggested",
        "personality_changed",
        "personality_suggestion_closed",
    ]


async def test_a_sure_review_is_applied_by_itself(
    agent: RunningAgent, user_id: UUID, session_id: UUID
) -> None:
    made = await create(agent, user_id)
    told = await agent.rpc.call(review(made, user_id, session_id, confidence=0.8))
    assert told.outcome == "applied"
    now = await agent.rpc.call(GetAgent(user_id=user_id, agent_id=made.agent_id))
    assert (now.personality_version, now.personality_prompt) == (2, "Kind and short.")
    back = RollBackPersonality(user_id=user_id, agent_id=made.agent_id, version=1)
    assert (await agent.rpc.call(back)).personality_prompt == "Kind."


async def test_an_edited_suggestion_is_what_the_user_wrote(
    agent: RunningAgent, user_id: UUID, session_id: UUID
) -> None:
    made = await create(agent, user_id, auto_apply_confidence=None)
    told = await agent.rpc.call(review(made, user_id, session_id, confidence=1))
    assert told.outcome == "suggested"
    command = ApplySuggestion(
        user_id=user_id,
        agent_id=made.agent_id,
        session_id=session_id,
        suggested_personality="Kind, in my words.",
    )
    assert (await agent.rpc.call(command)).personality_prompt == "Kind, in my words."


async def test_a_review_of_an_older_version_changes_nothing(
    agent: RunningAgent, user_id: UUID, session_id: UUID
) -> None:
    """A suggestion made on version 3 is never applied over a manual version 4."""
    made = await create(agent, user_id)
    await agent.rpc.call(review(made, user_id, session_id))
    by_hand = ChangePersonality(user_id=user_id, agent_id=made.agent_id, personality_prompt="Mine.")
    changed = await agent.rpc.call(by_hand)
    assert await waiting(agent, made, user_id, session_id) is None
    for to_seq, confidence in ((40, 1.0), (60, 0.1)):
        late = review(made, user_id, session_id, to_seq, confidence=confidence)
        assert (await agent.rpc.call(late)).outcome == "unchanged"
        assert not await is_due(agent, made, user_id, session_id, to_seq)
    now = await agent.rpc.call(GetAgent(user_id=user_id, agent_id=made.agent_id))
    assert now == changed


async def test_a_dismissed_session_is_let_alone_for_a_while(
    agent: RunningAgent, user_id: UUID, session_id: UUID
) -> None:
    made = await create(agent, user_id)
    await agent.rpc.call(review(made, user_id, session_id, 20))
    await agent.rpc.call(
        DismissSuggestion(user_id=user_id, agent_id=made.agent_id, session_id=session_id)
    )
    due = [seq for seq in range(40, 161, 20) if await is_due(agent, made, user_id, session_id, seq)]
    assert due == [120, 140, 160]
    assert await is_due(agent, made, user_id, new_id(), 20)
    told = await agent.rpc.call(review(made, user_id, session_id, 40))
    assert told.outcome == "unchanged"


async def test_of_a_deleted_session_nothing_is_suggested(
    agent: RunningAgent, user_id: UUID, session_id: UUID
) -> None:
    made = await create(agent, user_id)
    other = new_id()
    await agent.rpc.call(review(made, user_id, session_id))
    await agent.rpc.call(review(made, user_id, other))
    for _ in range(2):
        await forgets(agent, user_id, session_id)
    assert await waiting(agent, made, user_id, session_id) is None
    assert await waiting(agent, made, user_id, other) is not None
    with pytest.raises(SessionNotFound):
        await agent.rpc.call(review(made, user_id, session_id, 40))
    assert (await tags(agent, made))[-1] == "personality_suggestion_closed"
