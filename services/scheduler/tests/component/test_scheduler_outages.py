"""Parts that are away: everything is done afterwards, once."""

from datetime import timedelta

import pytest

from lingxi_chassis.ids import new_id
from lingxi_chassis.postgres import execute, fetch_all
from lingxi_chassis.rebuild import rebuild_read_models, rebuild_snapshots
from lingxi_contracts.chat import DeleteSession
from lingxi_contracts.errors import SessionNotFound
from lingxi_contracts.scheduler import EVENTS, ListDecisions
from lingxi_scheduler import bootstrap
from lingxi_scheduler.projections.watches import find_watch
from services.scheduler.tests.component.by_hand import by_hand, pending
from services.scheduler.tests.component.harness import (
    SETTLED_SECONDS_MAX,
    SILENCE,
    RunningScheduler,
)
from tests.fixtures.read_models import all_rows, never_set
from tests.fixtures.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

STEP = timedelta(minutes=10)


@pytest.mark.parametrize("fault", [{"status": 503}, {"status": 429}, {"status": 401}])
async def test_an_hour_without_a_model_delays_and_loses_nothing(
    scheduler: RunningScheduler, fault: dict[str, int]
) -> None:
    """Each look that fails is put off further, and records nothing."""
    session_id = await scheduler.talk()
    await scheduler.chat.model.fault("status", contains="companion: ", **fault)
    scheduler.clock.move(SILENCE)
    for failed in range(6):

        async def put_off(failed: int = failed) -> bool:
            return (await scheduler.rested(session_id)).watch.tries > failed

        await eventually(put_off, SETTLED_SECONDS_MAX)
        scheduler.clock.move(STEP)
    assert await scheduler.decisions(session_id) == []
    await scheduler.chat.model.heal()
    scheduler.clock.move(2 * STEP)
    assert (await scheduler.decided(session_id)).outcome == "sent"
    assert len(await scheduler.written_first(session_id)) == 1


async def test_two_replicas_look_at_each_session_once(scheduler: RunningScheduler) -> None:
    agent_id = await scheduler.chat.agent(proactive_behavior="aggressive")
    async with scheduler.another():
        sessions = [await scheduler.talk(agent_id=agent_id) for _ in range(4)]
        asked = len(await scheduler.chat.model.prompts("companion: "))
        scheduler.clock.move(SILENCE)
        for session_id in sessions:
            assert (await scheduler.decided(session_id)).outcome == "sent"
            assert len(await scheduler.written_first(session_id)) == 1
        assert len(await scheduler.chat.model.prompts("companion: ")) == asked + 4
        assert await scheduler.sent_today() == [4]


async def test_a_watch_that_was_lost_is_learned_again_and_decides_nothing_twice(
    scheduler: RunningScheduler,
) -> None:
    """The agent's settings and who it is are asked for; what was decided stands in the log."""
    session_id = await scheduler.talk()
    kept = await scheduler.heard(session_id)
    user_id = scheduler.chat.user_id
    for table in ("agents", "watches"):
        await execute(
            scheduler.pool, f"delete from {table} where user_id = %(id)s", {"id": user_id}
        )
    await execute(
        scheduler.pool,
        "insert into watches (session_id, user_id, last_user_seq, last_user_at, heard_at, due_at)"
        " values (%(session)s, %(user)s, %(seq)s, now(), now(), now() + interval '5 minutes')",
        {"session": session_id, "user": user_id, "seq": kept.watch.newest_seq},
    )
    scheduler.clock.move(SILENCE)
    line = await scheduler.decided(session_id)
    assert line.outcome == "sent"

    again = "update watches set decided_seq = 0, last_agent_seq = 0, due_at = now()"
    await execute(scheduler.pool, f"{again} where session_id = %(id)s", {"id": session_id})
    scheduler.clock.move(SILENCE)

    async def noticed() -> bool:
        found = await find_watch(scheduler.pool, session_id)
        return found is not None and found.watch.decided_seq > 0 and found.claim_id is None

    await eventually(noticed, SETTLED_SECONDS_MAX)
    assert await scheduler.decisions(session_id) == [line]


async def test_the_decision_log_is_the_users_alone(scheduler: RunningScheduler) -> None:
    session_id = await scheduler.talk()
    scheduler.clock.move(SILENCE)
    await scheduler.decided(session_id)
    foreign = ListDecisions(user_id=new_id(), session_id=session_id)
    assert (await scheduler.chat.ask(foreign)).results == ()


async def test_the_log_is_read_in_pages(scheduler: RunningScheduler) -> None:
    agent_id = await scheduler.chat.agent(proactive_behavior="off")
    session_id = await scheduler.talk(agent_id=agent_id)
    scheduler.clock.move(SILENCE)
    await scheduler.decided(session_id)
    await scheduler.change(agent_id, parameters={"proactive_behavior": "balanced"})
    lines = [await scheduler.decided(session_id, 2), *(await scheduler.decisions(session_id))[1:]]

    question = ListDecisions(user_id=scheduler.chat.user_id, session_id=session_id, limit=1)
    first = await scheduler.chat.ask(question)
    assert first.results == (lines[0],)
    rest = await scheduler.chat.ask(question.model_copy(update={"before": first.next_before}))
    assert rest.results == (lines[1],)
    assert rest.next_before is None


async def test_a_deleted_session_takes_its_decisions_along(scheduler: RunningScheduler) -> None:
    session_id = await scheduler.talk()
    scheduler.clock.move(SILENCE)
    await scheduler.decided(session_id)
    command = DeleteSession(user_id=scheduler.chat.user_id, session_id=session_id)
    await scheduler.chat.ask(command)

    async def blank() -> bool:
        rows = await fetch_all(
            scheduler.pool,
            "select type, data from events where stream_id = %(id)s order by version",
            {"id": session_id},
        )
        texts = [data for tag, data in rows if tag != "watch_ended.v1"]
        return rows[-1][0] == "watch_ended.v1" and not any(texts)

    await eventually(blank, SETTLED_SECONDS_MAX)
    assert await scheduler.decisions(session_id) == []
    kept = await find_watch(scheduler.pool, session_id)
    assert kept is not None
    assert kept.watch.ended
    with pytest.raises(SessionNotFound):
        await scheduler.chat.session(session_id)


async def decided_both_ways(scheduler: RunningScheduler) -> None:
    """A silence that was written in, and one that waits for the morning."""
    agent_id = await scheduler.chat.agent(name="Lu")
    written_in = await scheduler.talk(agent_id=agent_id)
    scheduler.clock.move(SILENCE)
    assert (await scheduler.decided(written_in)).outcome == "sent"
    now, hour = scheduler.clock.now(), timedelta(hours=1)
    quiet = {"start": f"{now - hour:%H:%M}", "end": f"{now + 9 * hour:%H:%M}"}
    await scheduler.change(agent_id, timings={"quiet_hours": quiet})
    waits = await scheduler.talk(agent_id=agent_id)
    scheduler.clock.move(SILENCE)
    assert (await scheduler.decided(waits)).gate == "quiet_hours"


async def test_a_rebuild_gives_the_same_rows(scheduler: RunningScheduler) -> None:
    """Guards the folds of decisions and caps, with a place that was given back among them."""
    async with by_hand(scheduler) as hands:
        session_id = await scheduler.talk()
        look = await hands.decided(session_id)
        assert pending(look).counts_for is not None
        await scheduler.chat.say("I am here!", session_id)
        await scheduler.heard(session_id)
        await hands.send(look)
    await decided_both_ways(scheduler)
    # Of erased sessions the log holds nothing that could be counted again.
    for table in ("agent_caps", "caps"):
        erased = "user_id in (select user_id from streams where state is null)"
        await execute(scheduler.pool, f"delete from {table} where {erased}", {})
    assert await never_set(scheduler.pool, bootstrap.READ_MODELS) == set()
    before = await all_rows(scheduler.pool, bootstrap.READ_MODELS)
    for batch_rows in (1, 7, 10_000):
        await rebuild_read_models(
            scheduler.settings.database_url, bootstrap.READ_MODELS, batch_rows
        )
        after = await all_rows(scheduler.pool, bootstrap.READ_MODELS)
        assert after == before, f"{batch_rows} rows a batch"
    log = bootstrap.open_log(scheduler.pool)
    assert (await rebuild_snapshots(log, EVENTS, bootstrap.TOMBSTONES)).replaced == 0
