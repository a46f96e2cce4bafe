"""Chat's read models and snapshots, made again from the log while people talk."""

import asyncio
from typing import Any

import pytest

from lingxi_chassis.ids import new_id
from lingxi_chassis.postgres import Row, execute, fetch_all
from lingxi_chassis.rebuild import rebuild_read_models, rebuild_snapshots
from lingxi_chat.bootstrap import READ_MODELS, TOMBSTONES, session_log
from lingxi_contracts.chat import EVENTS, OWNER, DeleteSession, PostedMessage
from lingxi_contracts.operations import Rebuild
from services.chat.tests.component.all_kinds import RULES, care_for, redirect, sum_up, talk
from services.chat.tests.component.harness import RunningChat
from services.chat.tests.component.talks import talked
from tests.fixtures.read_models import all_rows, never_logged, never_set
from tests.fixtures.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module")
def settings_of_module() -> dict[str, Any]:
    return {"SAFETY_RULES_FILE": str(RULES)}


async def test_a_rebuild_gives_the_same_rows(chat: RunningChat) -> None:
    """Guards chat's folds: whatever the batch, read models and snapshots are equal row by row;
    of a deleted session, blanked or not, nothing comes back."""
    said: list[PostedMessage] = []
    kept, gone = await asyncio.gather(talk(chat, 4, said), talk(chat, 3, said))
    await asyncio.gather(sum_up(chat), care_for(chat))
    burst = [chat.post(f"burst {number}", kept) for number in range(3)]
    for posted in [await chat.ask(post) for post in burst]:
        await chat.outcome(posted)
    await redirect(chat, kept)
    await chat.ask(DeleteSession(user_id=chat.user_id, session_id=gone))
    assert await never_logged(chat.pool, {*EVENTS}) == set()
    assert await never_set(chat.pool, READ_MODELS) == set()
    before = await all_rows(chat.pool, READ_MODELS)
    assert [row for row in before["messages"] if str(kept) in row]
    assert not [row for row in before["messages"] if str(gone) in row]
    blank = "update events set data = null where stream_id = %(gone)s and version <= %(versions)s"
    for versions in (0, 5, 10_000):
        keep_tombstone = " and type <> 'session_deleted.v1'"
        await execute(chat.pool, blank + keep_tombstone, {"gone": gone, "versions": versions})
        for batch_rows in (1, 7, 10_000):
            await rebuild_read_models(chat.settings.database_url, READ_MODELS, batch_rows)
            assert await all_rows(chat.pool, READ_MODELS) == before, f"{batch_rows} rows a batch"
    assert (await rebuild_snapshots(session_log(chat.pool), EVENTS, TOMBSTONES)).replaced == 0
    assert await all_rows(chat.pool, READ_MODELS) == before


async def test_people_talk_on_during_rebuilds(chat: RunningChat) -> None:
    """Guards the swap under the running service: all that was said is there, once, in order."""
    said: list[PostedMessage] = []
    stop = asyncio.Event()

    async def go_on() -> None:
        while not stop.is_set():
            await talk(chat, 3, said)

    talking = [asyncio.create_task(go_on()) for _ in range(3)]
    await eventually(lambda: len(said) > 9)
    for batch_rows in (10, 2_000):
        spoken = len(said)
        await rebuild_read_models(chat.settings.database_url, READ_MODELS, batch_rows)
        await eventually(lambda spoken=spoken: len(said) > spoken + 6)
    stop.set()
    await asyncio.gather(*talking)
    before = await all_rows(chat.pool, READ_MODELS)
    await rebuild_read_models(chat.settings.database_url, READ_MODELS)
    assert await all_rows(chat.pool, READ_MODELS) == before
    assert {posted.status for posted in said} == {"answered"}
    for session_id in {posted.session_id for posted in said}:
        views = await chat.messages(session_id)
        assert [view.seq for view in views] == list(range(1, len(views) + 1))
        texts = [view.text for view in views if view.author == "user"]
        assert texts == [f"line {number}" for number in range(3)]


async def test_an_operators_rebuild_makes_the_index_anew(chat: RunningChat) -> None:
    """Guards `forget_index` in the rebuild: what was wrong in the index is right again."""
    agent_id = await chat.agent()
    session_id = await talked(chat, agent_id, [f"Bees, number {n}." for n in range(150)])
    terms = "select seq, terms from message_terms where session_id = %(id)s order by seq"
    ids = {"id": session_id}

    async def rebuilt() -> list[Row]:
        await chat.rpc.call(Rebuild(operation_id=new_id()), 60, owner=OWNER)
        indexed = "select 1 from recall_progress where session_id = %(id)s and terms_up_to = 150"
        await eventually(lambda: has_rows(indexed))
        return await fetch_all(chat.pool, terms, ids)

    async def has_rows(select: str) -> bool:
        return bool(await fetch_all(chat.pool, select, ids))

    before = await rebuilt()
    assert len(before) == 150
    await execute(chat.pool, "update message_terms set terms = '{1}' where seq < 9", {})
    await execute(chat.pool, "delete from message_terms where seq > 99", {})
    assert await rebuilt() == before
