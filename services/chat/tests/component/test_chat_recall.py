"""What was said long ago is in the prompt when the newest message asks for it, and else is not.

With and without an embedding model, in English and in Chinese.
"""

import asyncio
import re
from dataclasses import replace
from typing import Any
from uuid import UUID

import psycopg
import pytest

from lingxi_chassis.ids import new_id
from lingxi_chassis.postgres import Row, fetch_all
from lingxi_chassis.process import Stop
from lingxi_chat import bootstrap
from lingxi_chat.application.index_messages import ALL, index_messages
from lingxi_chat.projections.recall import Unindexed, forget_index, next_unindexed, put_terms
from lingxi_chat.projections.recall_vectors import ensure_vectors
from lingxi_contracts.chat import DeleteSession, EditMessage
from services.chat.tests.component.harness import RunningChat
from services.chat.tests.component.talks import talked
from tests.fixtures.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

LONG_AGO_MESSAGES = 5_000
PLANTED = "My grandmother Odile kept bees on the roof of a pharmacy in Marseille."
ASKED = "Where did grandma Odile keep her bees?"
PLANTED_CHINESE = "我奶奶会拉二胡，小时候还教过我。"
ASKED_CHINESE = "我奶奶会什么乐器？"
FILLING = (
    "The weather was fine and I went for a walk by the river number {n}.",
    "That sounds lovely, what did you see on walk {n}?",
    "今天我去公园散步了，第{n}次，天气不错。",
    "听起来真好，你看到了什么有趣的东西？",
)
BOTH_WAYS = ("", "simulated-embedding")
RECALLED = "## Recalled from earlier"
INDEXED_SECONDS_MAX = 60.0


@pytest.fixture(scope="module", params=BOTH_WAYS, ids=["terms", "embeddings"])
def settings_of_module(request: pytest.FixtureRequest) -> dict[str, Any]:
    return {"OPENAI_EMBEDDING_MODEL": request.param}


def lines(messages: int, planted: tuple[str, ...] = (PLANTED, PLANTED_CHINESE)) -> list[str]:
    """So many messages; the planted ones are the user's first."""
    filling = [FILLING[n % 4].format(n=n) for n in range(messages - 2 * len(planted))]
    return [line for one in planted for line in (one, "I see.")] + filling


async def prompt_of(chat: RunningChat, asked: str) -> tuple[str, list[str]]:
    """What the model was told when it was asked this last: the system text, and the messages."""
    system, *messages = (await chat.model.prompts(asked))[-1]
    return system["content"], [one["content"] for one in messages]


async def has_vectors(chat: RunningChat) -> bool:
    """Not everywhere is pgvector: then an embedding model changes nothing."""
    return bool(chat.settings.openai_embedding_model) and await ensure_vectors(chat.pool)


async def indexed(chat: RunningChat, session_id: UUID, up_to: int | None = None) -> None:
    """Wait until the session can be searched in every way there is, up to its end or a seq."""
    marks = "terms_up_to, embedded_up_to" if await has_vectors(chat) else "terms_up_to"

    async def up_to_its_end() -> bool:
        rows = await fetch_all(
            chat.pool,
            f"select least({marks}) >= coalesce(%(up_to)s,"
            " (select max(seq) from messages where session_id = %(id)s))"
            " from recall_progress where session_id = %(id)s",
            {"id": session_id, "up_to": up_to},
        )
        return bool(rows and rows[0][0])

    await eventually(up_to_its_end, INDEXED_SECONDS_MAX)


async def index(chat: RunningChat, session_id: UUID) -> None:
    """Index everything, as the service does at its start."""
    stop = Stop()
    pool, settings = chat.pool, chat.settings
    async with bootstrap.start_recalling(settings, pool, stop):
        await indexed(chat, session_id)
    assert not stop.failed


async def rows_of(chat: RunningChat, session_id: UUID) -> int:
    """How many rows of the index are about the session."""
    tables = ["recall_progress", "message_terms"]
    if await has_vectors(chat):
        tables.append("message_embeddings")
    counts = [f"(select count(*) from {one} where session_id = %(id)s)" for one in tables]
    found = await fetch_all(chat.pool, f"select {' + '.join(counts)}", {"id": session_id})
    return int(found[0][0])


async def test_what_was_said_5000_messages_ago_comes_back(chat: RunningChat) -> None:
    session_id = await talked(chat, await chat.agent(), lines(LONG_AGO_MESSAGES))
    await index(chat, session_id)
    for asked, told in ((ASKED, PLANTED), (ASKED_CHINESE, PLANTED_CHINESE)):
        await chat.say(asked, session_id)
        system, messages = await prompt_of(chat, asked)
        assert re.search(rf"- \d{{4}}-\d\d-\d\d \d\d:\d\d, the user: {told}", system)
        assert not any(told in one for one in messages)
        assert sum(one.count(asked) for one in messages) == 1


@pytest.mark.parametrize("small_talk", ["ok", "How are you?", "好的", "你在干嘛呢"])
async def test_small_talk_recalls_nothing(chat: RunningChat, small_talk: str) -> None:
    agent_id = await chat.agent()
    said = [PLANTED, "ok", "How are you?", "fine", "好的", "嗯", "你在干嘛呢", "没干嘛"]
    session_id = await talked(chat, agent_id, said)
    await index(chat, session_id)
    fresh = await chat.say(small_talk, agent_id=agent_id)
    assert fresh.session_id != session_id
    system, _ = await prompt_of(chat, small_talk)
    assert RECALLED not in system


async def test_what_is_in_the_prompt_anyway_is_not_recalled(chat: RunningChat) -> None:
    """Guards `window_from` of a search."""
    agent_id = await chat.agent()
    await talked(chat, agent_id, ["Hello.", "Hello!"])  # elsewhere there may be more
    session_id = await talked(chat, agent_id, [PLANTED, "I see."])
    await index(chat, session_id)
    await chat.say(ASKED, session_id)
    system, messages = await prompt_of(chat, ASKED)
    assert PLANTED in messages
    assert PLANTED not in system


async def test_another_session_is_recalled_before_it_is_indexed(chat: RunningChat) -> None:
    """Guards `behind`: what was said a moment ago elsewhere needs no event to be found."""
    agent_id = await chat.agent()
    before = await chat.say(PLANTED, agent_id=agent_id)
    assert await rows_of(chat, before.session_id) == 0
    await chat.say(ASKED, agent_id=agent_id)
    assert PLANTED in (await prompt_of(chat, ASKED))[0]
    await chat.say(ASKED, agent_id=await chat.agent(name="Lu"))
    assert PLANTED not in (await prompt_of(chat, ASKED))[0]  # said to another agent
    stranger = replace(chat, user_id=new_id())
    await stranger.say(ASKED)
    assert PLANTED not in (await prompt_of(stranger, ASKED))[0]


async def test_what_is_deleted_or_superseded_is_not_recalled(chat: RunningChat) -> None:
    agent_id = await chat.agent()
    deleted = await talked(chat, agent_id, lines(20, (PLANTED,)))
    await index(chat, deleted)
    edited = await chat.say(PLANTED_CHINESE, agent_id=agent_id)
    await index(chat, edited.session_id)
    assert await rows_of(chat, deleted) > 10

    await chat.ask(DeleteSession(user_id=chat.user_id, session_id=deleted))
    command = EditMessage(
        user_id=chat.user_id,
        session_id=edited.session_id,
        message_id=edited.message_id,
        new_message_id=new_id(),
        turn_id=new_id(),
        text="说点别的",
    )
    await chat.ask(command)

    async def answered() -> bool:
        return await chat.work(edited.session_id) is None

    await eventually(answered)
    assert await rows_of(chat, deleted) == 0
    for asked, told in ((ASKED, PLANTED), (ASKED_CHINESE, PLANTED_CHINESE)):
        await chat.say(asked, agent_id=agent_id)
        system, messages = await prompt_of(chat, asked)
        assert told not in system + "".join(messages)


async def test_who_writes_the_index_can_not_outlive_the_session(chat: RunningChat) -> None:
    """Guards invariant 2: a deletion under way is waited for, one that comes waits for us."""
    session_id = await talked(chat, await chat.agent(), lines(20, (PLANTED,)))
    batch = await next_unindexed(chat.pool, session_id, ALL)
    assert batch is not None
    terms = {seq: [seq] for seq in batch.texts}
    url = chat.settings.database_url
    async with await psycopg.AsyncConnection.connect(url) as writer:
        # A writer that holds the session and has not committed yet.
        await writer.execute(
            "select from sessions where session_id = %s for key share", [session_id]
        )
        await writer.execute(
            "insert into message_terms (session_id, seq, user_id, terms) values (%s, 1, %s, '{1}')",
            [session_id, chat.user_id],
        )
        deleting = asyncio.create_task(
            chat.ask(DeleteSession(user_id=chat.user_id, session_id=session_id))
        )
        await eventually(lambda: chat.waits_for_a_row("appended as"))
    await deleting
    assert await rows_of(chat, session_id) == 0
    assert not await put_terms(chat.pool, batch, terms)
    assert await rows_of(chat, session_id) == 0


async def test_messages_are_indexed_when_a_summary_falls_due(chat: RunningChat) -> None:
    session_id = await talked(chat, await chat.agent(), lines(10))
    await chat.say("And this is the eleventh.", session_id)
    await indexed(chat, session_id, up_to=10)
    assert await rows_of(chat, session_id) > 0


async def test_a_repeat_and_two_at_once_leave_the_same_rows(chat: RunningChat) -> None:
    """Guards `index_messages`: doubled, shuffled, at once: each message once."""
    session_id = await talked(chat, await chat.agent(), lines(300))
    bounds = [300, 10, 150, 300, 40, 151]
    await asyncio.gather(*(index_messages(chat.pool, session_id, to) for to in bounds))
    before = await index_rows(chat, session_id)
    assert len(before) > 200
    await index_messages(chat.pool, session_id)
    assert await index_rows(chat, session_id) == before


async def index_rows(chat: RunningChat, session_id: UUID) -> list[Row]:
    return await fetch_all(
        chat.pool,
        "select * from message_terms where session_id = %(id)s order by seq",
        {"id": session_id},
    )


async def test_a_rebuild_makes_the_index_anew(chat: RunningChat) -> None:
    """The index is not folded: it is forgotten, then made again as at a start."""
    agent_id = await chat.agent()
    session_id = await talked(chat, agent_id, lines(230))
    await index(chat, session_id)
    before = await index_rows(chat, session_id)
    batch = Unindexed(session_id, agent_id, after=230, up_to=300, texts={})
    await forget_index(chat.pool)
    assert await index_rows(chat, session_id) == []
    # Who was about to go on from where it was would leave a gap: refused.
    assert not await put_terms(chat.pool, batch, {})
    await index(chat, session_id)
    assert await index_rows(chat, session_id) == before
