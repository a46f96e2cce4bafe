"""Hundreds of messages of real text, posted one by one: no error, and pages give them back exactly.

The text is LoCoMo's `conversation-43`, whose licence keeps it out of this repository. It is looked
for beside the checkout, in `../shared/data/`, or in the folder that LINGXI_TEST_DATA names.
"""

import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import orjson
import pytest
import pytest_asyncio

from tests.e2e.client import Json, User, new_user, texts
from tests.fixtures.system import RunningSystem

NAME = "conversation-43.jsonl"
MESSAGES = 680


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


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def talk(system: RunningSystem) -> AsyncIterator[Talk]:
    """The whole conversation, posted; every post must be answered."""
    asked = conversation()
    assert len(asked) == MESSAGES
    async with new_user(system.base_url) as user:
        said: list[str] = []
        session: Json = {}
        for text in asked:
            answer = await user.say(text, **session)
            session = {"session_id": answer["session_id"]}
            bubbles = answer.get("messages") or [{"message": answer["response"]}]
            said += [text, *texts(bubbles)]
        yield Talk(user, session["session_id"], said, asked)


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
