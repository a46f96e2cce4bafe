"""What scheduler knows of others was lost, and their streams have forgotten it: their logs tell."""

from datetime import timedelta
from uuid import UUID

import pytest

from lingxi_chassis.ids import new_id
from lingxi_chassis.postgres import Row, execute, fetch_all
from lingxi_contracts.chat import DeleteSession
from lingxi_contracts.operations import Rebuild
from lingxi_contracts.scheduler import OWNER
from lingxi_contracts.subjects import stream_name
from lingxi_scheduler.projections.watches import find_watch
from services.scheduler.tests.component.harness import (
    SETTLED_SECONDS_MAX,
    SILENCE,
    RunningScheduler,
)
from tests.fixtures.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

HOUR = timedelta(hours=1)
LEARNED = (
    (
        "select session_id, agent_id, last_user_seq, last_user_at, last_agent_seq, last_agent_at,"
        " read_up_to, proactive_seqs, flagged_seq, turn_sequence, turn_open, heard_at, ended"
        " from watches where user_id = %(id)s order by session_id"
    ),
    "select * from agents where user_id = %(id)s order by agent_id",
    "select * from users where user_id = %(id)s",
)


async def learned(scheduler: RunningScheduler) -> list[list[Row]]:
    """What scheduler knows of what others told about the user."""
    ids = {"id": scheduler.chat.user_id}
    return [await fetch_all(scheduler.pool, select, ids) for select in LEARNED]


async def forgotten(scheduler: RunningScheduler) -> None:
    """The streams' events are too old by now."""
    for owner in ("chat", "agent"):
        await scheduler.chat.nats.jetstream().purge_stream(stream_name(owner))


async def rebuilt(scheduler: RunningScheduler) -> None:
    """An operator has scheduler's tables made again."""
    await scheduler.chat.rpc.call(Rebuild(operation_id=new_id()), 60, owner=OWNER)

    async def all_heard() -> bool:
        rows = await fetch_all(scheduler.pool, "select done from heard_logs", {})
        return len(rows) == 3 and all(done for (done,) in rows)

    await eventually(all_heard, SETTLED_SECONDS_MAX)


async def test_all_that_was_known_is_learned_again(scheduler: RunningScheduler) -> None:
    """Row by row as before: time zones, settings and what is deleted among it. What was decided is
    not decided again."""
    await scheduler.lives_in("Pacific/Chatham")
    agent_id = await scheduler.chat.agent(proactive_behavior="aggressive")
    await scheduler.change(agent_id, timings={"daily_cap": 2})
    few = await scheduler.talk(turns=1, agent_id=agent_id)
    written_to = await scheduler.talk(agent_id=agent_id)
    scheduler.clock.move(SILENCE)
    said = [await scheduler.decided(few), await scheduler.decided(written_to)]
    assert [line.outcome for line in said] == ["skipped", "sent"]
    gone = await scheduler.talk(agent_id=agent_id)
    await scheduler.chat.ask(DeleteSession(user_id=scheduler.chat.user_id, session_id=gone))
    await eventually(lambda: ended(scheduler, gone), SETTLED_SECONDS_MAX)
    await scheduler.heard(written_to)
    await rebuilt(scheduler)
    before = await learned(scheduler)
    assert [len(rows) for rows in before] == [3, 1, 1]
    assert before[2][0][-1] == "Pacific/Chatham"

    await forgotten(scheduler)
    await execute(scheduler.pool, "update watches set last_user_seq = last_user_seq + 50", {})
    await rebuilt(scheduler)
    assert await learned(scheduler) == before

    async def known_as_decided() -> bool:
        kept = await find_watch(scheduler.pool, few)
        return kept is not None and kept.watch.decided_seq > 0 and kept.due_at is None

    await eventually(known_as_decided, SETTLED_SECONDS_MAX)
    assert await scheduler.decisions(few) == said[:1]
    assert await scheduler.decisions(written_to) == said[1:]
    assert len(await scheduler.written_first(written_to)) == 1


async def ended(scheduler: RunningScheduler, session_id: UUID) -> bool:
    kept = await find_watch(scheduler.pool, session_id)
    return kept is not None and kept.watch.ended


async def test_what_waits_for_a_time_waits_on(scheduler: RunningScheduler) -> None:
    """A silence that was put off over night, and forgotten then, was not missed."""
    now = scheduler.clock.now()
    quiet = {"start": f"{now - HOUR:%H:%M}", "end": f"{now + 9 * HOUR:%H:%M}"}
    agent_id = await scheduler.chat.agent()
    await scheduler.talk(turns=1, agent_id=agent_id)
    await scheduler.change(agent_id, timings={"quiet_hours": quiet})
    session_id = await scheduler.talk(agent_id=agent_id)
    scheduler.clock.move(SILENCE)
    line = await scheduler.decided(session_id)
    assert line.gate == "quiet_hours"

    scheduler.clock.move(5 * HOUR)
    await forgotten(scheduler)
    await rebuilt(scheduler)

    async def waits_on() -> bool:
        kept = await find_watch(scheduler.pool, session_id)
        return kept is not None and kept.due_at == line.next_at

    await eventually(waits_on, SETTLED_SECONDS_MAX)
    assert await scheduler.decisions(session_id) == [line]
    scheduler.clock.move(4 * HOUR)
    assert (await scheduler.decided(session_id, 2)).outcome == "sent"


async def test_nothing_is_decided_before_all_is_learned(scheduler: RunningScheduler) -> None:
    """Guards the wait: of what is half known a silence may seem long over."""
    session_id = await scheduler.talk()
    scheduler.gateway.away = True
    asked = scheduler.gateway.asked
    unlearned = "update heard_logs set done = false where owner = 'gateway'"
    await execute(scheduler.pool, unlearned, {})
    scheduler.clock.move(SILENCE)
    await eventually(lambda: scheduler.gateway.asked > asked + 1, SETTLED_SECONDS_MAX)
    kept = await find_watch(scheduler.pool, session_id)
    assert kept is not None
    assert kept.claim_id is None
    assert await scheduler.decisions(session_id) == []
    scheduler.gateway.away = False
    assert (await scheduler.decided(session_id)).outcome == "sent"
