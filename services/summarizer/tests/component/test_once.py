"""Each range and each review once: doubled, shuffled and replayed events, replicas, kills.

Guards `parts.py: OneAtATime`: dues of one session ask the model one after another.
"""

import asyncio
import os
import random
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import pytest

from lingxi_chassis.consumers import Subscriptions
from lingxi_chassis.model.client import ModelClient
from lingxi_chassis.postgres import fetch_all
from lingxi_chassis.process import Stop
from lingxi_contracts.chat import DeleteSession
from lingxi_contracts.envelope import Envelope
from lingxi_contracts.errors import SessionNotFound
from lingxi_local.ports import unused_port
from lingxi_summarizer.adapters.model import AskedModel
from lingxi_summarizer.application.review_personality import ReviewPersonalities
from lingxi_summarizer.application.write_summary import WriteSummaries
from lingxi_summarizer.bootstrap import SERVICE
from lingxi_summarizer.entrypoints.events import Dues, listen
from services.chat.tests.component.harness import RunningChat
from services.summarizer.tests.component.harness import (
    REVIEW,
    SUMMARY,
    all_done,
    asked,
    due_events,
    memories,
    questions,
    summarizing,
    talk,
    written,
)
from tests.fixtures.handlers import tells_all
from tests.fixtures.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")
SEED = 7
REDELIVERED_SECONDS_MAX = 90.0
"""An event whose process died comes again after `ack_wait_seconds`, 30."""


@asynccontextmanager
async def replica(chat: RunningChat) -> AsyncGenerator[Dues]:
    """The handlers of one replica, to be called by hand."""
    client = ModelClient(chat.settings.openai_base_url, "none", chat.settings.openai_model)
    async with aclosing_client(client):
        model = AskedModel(client, 8192)
        yield Dues(WriteSummaries(chat.rpc, model, 0), ReviewPersonalities(chat.rpc, model, 0))


@asynccontextmanager
async def aclosing_client(client: ModelClient) -> AsyncGenerator[None]:
    try:
        yield
    finally:
        await client.close()


async def handled(dues: Dues, deliveries: list[Envelope]) -> None:
    """All of these at the same time."""
    handlers = {
        "summary_due": dues.write_summary,
        "personality_review_due": dues.review_personality,
    }
    await asyncio.gather(*(handlers[event.name](event) for event in deliveries))


def hear_no_others(chat: RunningChat, dues: Dues, told: list[Envelope]) -> None:
    """The service listens to events of these kinds, and to no other."""
    stop = Stop()
    subscriptions = Subscriptions(SERVICE, chat.nats, stop.fail)
    listen(subscriptions, dues)
    tells_all(subscriptions, told)


async def kept(chat: RunningChat, session_id: UUID, agent_id: UUID) -> Any:
    """All that the handlers' effects are: summaries, facts, the personality and its reviews."""
    session = await chat.session(session_id)
    rows = await fetch_all(
        chat.pool, "select * from summaries where session_id = %(id)s", {"id": session_id}
    )
    return (session.title, session.summary, session.covers_up_to, session.suggestion_id, rows,
            await memories(chat, agent_id))  # fmt: skip


async def talked(chat: RunningChat, marker: str, turns: int = 12) -> tuple[UUID, UUID]:
    """A session with dues of both kinds, and its agent."""
    agent_id = await chat.agent("You are Mo.")
    said = [f"I like {marker} number {at}" for at in range(turns)]
    session_id = await talk(chat, [*said, "please be shorter"], agent_id=agent_id)
    return session_id, agent_id


async def test_shuffled_doubled_and_replayed_events_change_nothing(chat: RunningChat) -> None:
    """Guards the handlers' guards, `events.py`; and that none is forgotten here."""
    session_id, agent_id = await talked(chat, "shuffled88")
    dues = await due_events(chat, session_id, "summary_due")
    dues += await due_events(chat, session_id, "personality_review_due")
    deliveries = dues * 2
    random.Random(SEED).shuffle(deliveries)
    async with replica(chat) as one, replica(chat) as another:
        hear_no_others(chat, one, dues)
        half = len(deliveries) // 2
        await asyncio.gather(handled(one, deliveries[:half]), handled(another, deliveries[half:]))
        first = await kept(chat, session_id, agent_id)
        ranges = await written(chat, session_id)
        asked = len(await questions(chat, SUMMARY, "shuffled88"))
        reviewed = len(await questions(chat, REVIEW, "shuffled88"))
        for _ in range(2):
            await handled(one, dues)
        assert await kept(chat, session_id, agent_id) == first
        assert await written(chat, session_id) == ranges
        assert len(await questions(chat, SUMMARY, "shuffled88")) == asked
        assert len(await questions(chat, REVIEW, "shuffled88")) == reviewed
    texts = [one.text for one in first[-1]]
    assert len(texts) == len(set(texts))


async def test_two_replicas_write_each_range_once(chat: RunningChat) -> None:
    await chat.model.fault("slow", contains="] user: I like twins88", delay_ms=5)
    async with summarizing(chat), summarizing(chat):
        session_id, agent_id = await talked(chat, "twins88", 30)
        session = await all_done(chat, session_id)
    ranges = await written(chat, session_id)
    covered = [seq for start, end in ranges for seq in range(start, end + 1)]
    assert covered == list(range(1, session.covers_up_to + 1))
    texts = [one.text for one in await memories(chat, agent_id)]
    assert len(texts) == len(set(texts))


async def test_dues_of_one_session_at_once_ask_the_model_once(chat: RunningChat) -> None:
    session_id, _ = await talked(chat, "atonce88")
    dues = await due_events(chat, session_id, "summary_due")
    async with replica(chat) as one:
        await handled(one, dues * 8)
    asked = await questions(chat, SUMMARY, "atonce88")
    assert len(asked) == len(await written(chat, session_id)) <= len(dues)


async def test_whoever_comes_too_late_is_refused(chat: RunningChat) -> None:
    """A refusal is an answer: the consumer acknowledges it."""
    session_id, _ = await talked(chat, "late88", 8)
    (*_, due) = await due_events(chat, session_id, "summary_due")
    await chat.ask(DeleteSession(user_id=chat.user_id, session_id=session_id))
    async with replica(chat) as one:
        with pytest.raises(SessionNotFound):
            await handled(one, [due])
    assert await questions(chat, SUMMARY, "late88") == []


async def test_what_a_killed_process_had_begun_is_done_by_the_next(chat: RunningChat) -> None:
    await chat.model.fault("hang", contains="] user: I like killed88")
    session_id, agent_id = await talked(chat, "killed88", 8)
    environment = os.environ | {
        "NATS_URL": chat.settings.nats_url,
        "OPENAI_BASE_URL": chat.settings.openai_base_url,
        "OPENAI_API_KEY": "none",
        "OPENAI_MODEL": chat.settings.openai_model,
        "LINGXI_INTERNAL_PORT": str(unused_port()),
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "lingxi_summarizer",
        env=environment,
        stdout=asyncio.subprocess.DEVNULL,
    )
    try:
        await asked(chat, SUMMARY, "killed88", REDELIVERED_SECONDS_MAX)
    finally:
        process.kill()
        await process.wait()
    assert await written(chat, session_id) == []
    await chat.model.heal()
    async with summarizing(chat):

        async def done() -> bool:
            return bool(await written(chat, session_id))

        await eventually(done, REDELIVERED_SECONDS_MAX)
        await all_done(chat, session_id)
    ranges = await written(chat, session_id)
    assert ranges[0][0] == 1
    assert len({start for start, _ in ranges}) == len(ranges)
    texts = [one.text for one in await memories(chat, agent_id)]
    assert len(texts) == len(set(texts))
    assert "I like killed88 number 0" in texts
