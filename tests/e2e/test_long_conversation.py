"""Hundreds of messages of real text, posted one by one: no error, pages give them back exactly, and
summaries keep up at a cost that does not grow.

The text is LoCoMo's `conversation-43`, whose licence keeps it out of this repository. It is looked
for beside the checkout, in `../shared/data/`, or in the folder that LINGXI_TEST_DATA names.
"""

import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import mean

import orjson
import pytest
import pytest_asyncio

from lingxi_chassis.model.messages import ChatMessage
from lingxi_chassis.model.tokens import estimate_prompt_tokens
from tests.e2e.client import Json, User, new_user, texts
from tests.e2e.simulated import Model, model_of
from tests.fixtures.system import RunningSystem
from tests.fixtures.waiting import eventually

NAME = "conversation-43.jsonl"
MESSAGES = 680
SUMMARY_EVERY = 10
CONTEXT_TOKENS = 8192
CAUGHT_UP_SECONDS_MAX = 120.0


def conversation(name: str = NAME) -> list[str]:
    """The texts, in order; skips the test when they are not here."""
    root = Path(__file__).resolve().parents[2]
    # Where a test's data lies is no setting of Lingxi.
    folder = Path(os.environ.get("LINGXI_TEST_DATA") or root.parent / "shared" / "data")
    path = folder / name
    if not path.exists():
        # Not one that can be installed: its licence keeps it out of the project.
        pytest.skip(f"the conversation {name} is not here (LINGXI_TEST_DATA)")
    return [orjson.loads(line)["text"] for line in path.read_bytes().splitlines()]


@dataclass(frozen=True)
class Talk:
    """A session, and what was said in it by the answers of `POST /api/chat/`, in order."""

    user: User
    session_id: str
    said: list[str]
    asked: list[str]
    model: Model

    async def summary_calls(self) -> list[list[Json]]:
        """The messages of each question for a summary of this session, oldest first."""
        ours = {" ".join(text.split()) for text in self.asked}
        found: list[list[Json]] = []
        for messages in await self.model.prompts("You keep the memory of a conversation"):
            lines = messages[-1]["content"].splitlines()
            users = [line.partition(" user: ")[2] for line in lines]
            if any(text in ours for text in users):
                found.append(messages)
        return found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def talk(system: RunningSystem) -> AsyncIterator[Talk]:
    """The whole conversation, posted; every post must be answered."""
    asked = conversation()
    assert len(asked) == MESSAGES
    async with new_user(system.base_url) as user, model_of(system.simulator_url) as model:
        said: list[str] = []
        session: Json = {}
        for text in asked:
            answer = await user.say(text, **session)
            session = {"session_id": answer["session_id"]}
            bubbles = answer.get("messages") or [{"message": answer["response"]}]
            said += [text, *texts(bubbles)]
        yield Talk(user, session["session_id"], said, asked, model)


async def pages(user: User, url: str, towards: str) -> list[list[Json]]:
    """The results of a page and of all that follow it, `towards` next or previous."""
    found: list[list[Json]] = []
    onward: str | None = url
    while onward is not None:
        page = await user.get(onward)
        found.append(page["results"])
        onward = page[towards]
    return found


@pytest.mark.parametrize("limit", [200, 7])
@pytest.mark.asyncio(loop_scope="module")
async def test_pages_give_back_what_was_said(talk: Talk, limit: int) -> None:
    path = f"/api/sessions/{talk.session_id}/messages/"
    upwards = await pages(talk.user, f"{path}?after=0&limit={limit}", "next")
    downwards = await pages(talk.user, f"{path}?limit={limit}", "previous")
    everything = [message for page in upwards for message in page]
    assert texts(everything) == talk.said
    assert [one["seq"] for one in everything] == list(range(1, len(talk.said) + 1))
    assert [one["message"] for one in everything if one["is_user"]] == talk.asked
    assert [message for page in reversed(downwards) for message in page] == everything
    assert {len(page) for page in upwards[:-1] + downwards[:-1]} == {limit}


@pytest.mark.asyncio(loop_scope="module")
async def test_the_session_counts_what_was_said(talk: Talk) -> None:
    session = await talk.user.session(talk.session_id)
    assert session["message_count"] == len(talk.said)
    assert session["unread_count"] == 0
    assert texts(session["messages"]) == talk.said[-200:]
    (shown,) = (await talk.user.get("/api/chat/history/", session_id=talk.session_id))["sessions"]
    assert texts(shown["messages"]) == talk.said[-200:]
    older = await talk.user.get(shown["previous"])
    assert texts(older["results"]) == talk.said[-400:-200]


@pytest.mark.asyncio(loop_scope="module")
async def test_summaries_keep_up_at_a_cost_that_does_not_grow(talk: Talk) -> None:
    path = f"/api/sessions/{talk.session_id}/"
    messages = await talk.user.messages(talk.session_id)
    last_turn = [one for one in messages if one.get("turn_id") == messages[-1]["turn_id"]]
    uncovered_max = SUMMARY_EVERY - 1 + len(last_turn)

    async def caught_up() -> bool:
        told = await talk.user.get(f"{path}summary/")
        return told["covers_up_to"] >= len(messages) - uncovered_max

    await eventually(caught_up, CAUGHT_UP_SECONDS_MAX)
    calls = await talk.summary_calls()
    assert len(calls) <= len(messages) // SUMMARY_EVERY
    numbers = [int(line[1:].partition("]")[0]) for call in calls for line in
               call[-1]["content"].splitlines()]  # fmt: skip
    assert [(a, b) for a, b in pairwise(numbers) if a + 1 != b] == []  # each message in one of them
    chars = [sum(len(one["content"]) for one in call) for call in calls]
    third = len(chars) // 3
    assert mean(chars[-third:]) < mean(chars[third : 2 * third]) * 1.2
    assert mean(chars[-third:]) < mean(chars[:third]) * 1.6


@pytest.mark.asyncio(loop_scope="module")
async def test_the_last_prompt_holds_what_it_should_and_nothing_twice(talk: Talk) -> None:
    asked = [one for one in await talk.model.prompts(talk.asked[-1])
             if one[-1]["content"] == talk.asked[-1]]  # fmt: skip
    prompt = asked[-1]
    tokens = estimate_prompt_tokens([ChatMessage(one["role"], one["content"]) for one in prompt])
    assert tokens <= CONTEXT_TOKENS
    users = [one["content"] for one in prompt if one["role"] == "user"]
    assert len(users) > 1
    assert users == talk.asked[-len(users) :]
    system = prompt[0]["content"].lower()
    assert "summary" in system
    assert "you know about the user" in system or "facts" in system
