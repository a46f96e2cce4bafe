"""Turns through pauses, crashes and stops of their workers: one outcome, whoever records it."""

import asyncio
from collections.abc import Generator, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from lingxi_chassis.ids import new_id
from lingxi_chassis.postgres import Pool, execute, fetch_all
from lingxi_chassis.tasks import in_background
from lingxi_chat.adapters.live import LiveSignals
from lingxi_chat.application import turn_workers
from lingxi_chat.domain.session import SessionEvent
from lingxi_chat.projections.open_turns import Claim, claim_waiting
from lingxi_contracts.base import Event
from lingxi_contracts.chat import DeleteSession
from lingxi_contracts.live import Delta, Typing
from lingxi_contracts.subjects import CHAT_WORK
from services.chat.tests.component.harness import RunningChat
from tests.fixtures.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module")
def settings_of_module() -> Generator[dict[str, Any]]:
    """The running chat looks at the queue when it is nudged: tests say who claims what."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(turn_workers, "SWEEP_SECONDS", 3600.0)
        yield {}


async def test_two_workers_on_one_turn_record_one_outcome(chat: RunningChat) -> None:
    """Guards `open_turns.holding`, the guard of a turn's end: the first is paused past its lease;
    when it comes back it stays silent."""
    await chat.model.fault("hang", contains="paused", times=1)
    posted = await chat.ask(chat.post("paused"))
    await chat.model.asked("paused")
    await chat.expire_lease(posted.session_id)
    with capture_logs() as logs:
        async with chat.another_worker() as worker:
            await worker.take_waiting()
            outcome = await chat.outcome(posted)
        events = await chat.events(posted.session_id)
        await chat.model.heal()
        await eventually(lambda: "turn_left_to_another" in [line["event"] for line in logs])

    assert outcome.turn_id == posted.turn_id
    assert await chat.events(posted.session_id) == events
    (completed,) = [data for name, data in events if name == "turn_completed"]
    assert completed["attempt"] == 2
    sent = [data["message_id"] for name, data in events if name == "message_sent"]
    assert sent == completed["message_ids"]
    assert await chat.work(posted.session_id) is None


async def test_who_lost_its_claim_records_nothing_while_another_works(chat: RunningChat) -> None:
    """Guards `open_turns.holding`: the turn is still open, but it is not the first one's."""
    first = await chat.model.fault("hang", contains="two heads", times=1)
    await chat.model.fault("hang", contains="two heads", times=1)
    posted = await chat.ask(chat.post("two heads"))
    await chat.model.asked("two heads")
    await chat.expire_lease(posted.session_id)
    with capture_logs() as logs:
        async with chat.another_worker() as worker:
            await worker.take_waiting()
            await chat.model.asked("two heads", times=2)
            await chat.model.heal(first)
            await eventually(lambda: "turn_left_to_another" in [line["event"] for line in logs])
            assert "message_sent" not in await chat.logged(posted.session_id)
            await chat.expire_lease(posted.session_id)
            async with chat.another_worker() as third:
                await third.take_waiting()
                assert (await chat.outcome(posted)).status == "answered"
            await chat.model.heal()


async def test_a_worker_that_died_is_replaced(chat: RunningChat) -> None:
    """Guards `open_turns.claim_waiting`, which looks for leases that ended: the turn was claimed
    by a process that is no more, and whoever looks next has it."""
    await chat.model.fault("hang", contains="orphan", times=1)
    posted = await chat.ask(chat.post("orphan"))
    await chat.model.asked("orphan")
    await execute(
        chat.pool,
        "update turn_work set claim_id = %(dead)s, lease_until = now() - interval '1 second'"
        " where session_id = %(id)s",
        {"dead": new_id(), "id": posted.session_id},
    )
    await chat.nats.publish(CHAT_WORK)

    assert (await chat.outcome(posted)).status == "answered"
    (completed,) = [
        data for name, data in await chat.events(posted.session_id) if name == "turn_completed"
    ]
    assert completed["attempt"] == 2


async def test_the_sweep_finds_what_nobody_told_of(
    chat: RunningChat, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turn_workers, "SWEEP_SECONDS", 0.02)
    await chat.model.fault("hang", contains="untold", times=1)
    posted = await chat.ask(chat.post("untold"))
    await chat.model.asked("untold")
    async with (
        chat.another_worker() as worker,
        in_background(worker.sweep(), "sweep", lambda: None),
    ):
        await chat.expire_lease(posted.session_id)
        assert (await chat.outcome(posted)).status == "answered"


async def test_who_has_lost_nats_claims_nothing_until_it_is_back(chat: RunningChat) -> None:
    """Guards `TurnWorkers.take_waiting`: nobody would hear what the model says."""
    await chat.model.fault("hang", contains="unheard", times=1)
    posted = await chat.ask(chat.post("unheard"))
    await chat.model.asked("unheard")
    await chat.expire_lease(posted.session_id)
    left = await chat.work(posted.session_id)
    async with chat.another_worker() as worker:
        worker.nats_lost()
        await worker.take_waiting()
        assert await chat.work(posted.session_id) == left
        worker.nats_back()
        outcome = await chat.outcome(posted)
    assert (outcome.status, outcome.turn_id) == ("answered", posted.turn_id)


async def test_the_slot_is_free_before_the_end_is_told(chat: RunningChat) -> None:
    """Guards `Slot.leave` in `AnswerTurns._record`: who hears the end may say more at once, and
    that is not to find the slot taken by a turn that is over."""
    told: list[UUID] = []

    class TellsOnceTheNextIsAsked(LiveSignals):
        async def ended(
            self, session_id: UUID, turn_id: UUID, events: Sequence[Event], at: datetime
        ) -> None:
            if session_id == first.session_id:
                await chat.model.asked("comes next", times=2)
            told.append(session_id)
            await super().ended(session_id, turn_id, events, at)

    for text in ("goes first", "comes next"):
        await chat.model.fault("hang", contains=text, times=1)
    first = await chat.ask(chat.post("goes first"))
    following = await chat.ask(chat.post("comes next"))
    for posted, text in ((first, "goes first"), (following, "comes next")):
        await chat.model.asked(text)
        await chat.expire_lease(posted.session_id)
    async with chat.another_worker(slots=1, live=TellsOnceTheNextIsAsked(chat.nats)) as worker:
        await worker.take_waiting()
        assert (await chat.outcome(following)).status == "answered"
        await eventually(lambda: len(told) == 2)
    await chat.model.heal()
    assert (await chat.outcome(first)).status == "answered"


async def test_a_look_at_the_queue_holds_off_no_turn_that_starts_here(
    chat: RunningChat, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards `TurnWorkers._claim`, which takes no slot before it has a turn for it: else each look
    would send what is posted meanwhile to the queue, which then is to be looked at again."""
    looking, looked = asyncio.Event(), asyncio.Event()

    async def claim_slowly(pool: Pool, limit: int) -> Sequence[Claim]:
        looking.set()
        await looked.wait()
        return await claim_waiting(pool, limit)

    monkeypatch.setattr(turn_workers, "claim_waiting", claim_slowly)
    await chat.nats.publish(CHAT_WORK)
    await looking.wait()
    try:
        assert (await chat.say("not held off")).status == "answered"
    finally:
        looked.set()


async def test_a_lease_that_runs_is_not_taken_over(chat: RunningChat) -> None:
    await chat.model.fault("hang", contains="at work", times=1)
    posted = await chat.ask(chat.post("at work"))
    await chat.model.asked("at work")
    claimed = await chat.work(posted.session_id)
    async with chat.another_worker() as worker:
        await worker.take_waiting()
        assert await chat.work(posted.session_id) == claimed
    await chat.model.heal()
    assert (await chat.outcome(posted)).status == "answered"
    assert len(await chat.model.prompts("at work")) == 1


async def test_after_too_many_attempts_a_turn_is_abandoned(chat: RunningChat) -> None:
    """Guards the bound in `AnswerTurns._attempt`."""
    await chat.model.fault("hang", contains="cursed", times=1)
    posted = await chat.ask(chat.post("cursed"))
    await chat.model.asked("cursed")
    await chat.expire_lease(posted.session_id, attempt=5)
    async with chat.another_worker() as worker:
        await worker.take_waiting()
        outcome = await chat.outcome(posted)

    assert outcome.failure is not None
    assert (outcome.failure.code, outcome.failure.retryable) == ("abandoned", True)
    assert len(await chat.model.prompts("cursed")) == 1
    assert (await chat.say("lifted", posted.session_id)).status == "answered"


async def test_a_worker_that_stops_gives_back_what_it_could_not_end(
    chat: RunningChat, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turn_workers, "FINISH_SECONDS", 0.05)
    await chat.model.fault("hang", contains="shift ends", times=2)
    posted = await chat.ask(chat.post("shift ends"))
    await chat.model.asked("shift ends")
    await chat.expire_lease(posted.session_id)
    async with chat.another_worker() as worker:
        await worker.take_waiting()
        await chat.model.asked("shift ends", times=2)
    # Nobody's, and the attempt does not count.
    assert await chat.work(posted.session_id) == (1, None, None)

    await chat.nats.publish(CHAT_WORK)
    assert (await chat.outcome(posted)).status == "answered"
    (completed,) = [
        data for name, data in await chat.events(posted.session_id) if name == "turn_completed"
    ]
    assert completed["attempt"] == 2


async def test_a_worker_that_stops_lets_a_turn_end_but_not_the_next_begin(
    chat: RunningChat,
) -> None:
    await chat.model.fault("hang", contains="last one", times=2)
    posted = await chat.ask(chat.post("last one"))
    await chat.model.asked("last one")
    await chat.expire_lease(posted.session_id)
    async with chat.another_worker() as worker:
        await worker.take_waiting()
        await chat.model.asked("last one", times=2)
        following = await chat.ask(chat.post("not mine", posted.session_id))
        await asyncio.gather(worker.finish(), chat.model.heal())  # it is told to stop first
    assert (await chat.outcome(posted)).status == "answered"
    assert await chat.model.prompts("not mine") == []
    assert await chat.work(posted.session_id) == (0, None, None)

    await chat.nats.publish(CHAT_WORK)
    assert (await chat.outcome(following)).status == "answered"


async def test_a_stopped_worker_claims_nothing(chat: RunningChat) -> None:
    await chat.model.fault("hang", contains="too late", times=1)
    posted = await chat.ask(chat.post("too late"))
    await chat.model.asked("too late")
    async with chat.another_worker() as worker:
        await worker.finish()
        await chat.expire_lease(posted.session_id)
        before = await chat.work(posted.session_id)
        await worker.take_waiting()
        assert await chat.work(posted.session_id) == before
        async with worker.starting(new_id(), new_id(), chat.user_id) as starting:
            assert starting.work.params["enqueued_claim"] is None
    assert len(await chat.model.prompts("too late")) == 1


async def test_more_turns_than_slots_wait_in_the_queue_and_none_is_forgotten(
    chat: RunningChat,
) -> None:
    posts = [chat.post(f"crowd {n}") for n in range(40)]
    await chat.model.fault("slow", contains="crowd", delay_ms=3)
    await asyncio.gather(*(chat.ask(post) for post in posts))
    outcomes = [await chat.outcome(post) for post in posts]

    assert {outcome.status for outcome in outcomes} == {"answered"}
    attempts = await fetch_all(
        chat.pool,
        "select distinct (data->>'attempt')::int from events"
        " where type = 'turn_completed.v1' and user_id = %(user_id)s",
        {"user_id": chat.user_id},
    )
    assert attempts == [(1,)]
    assert len(await chat.model.prompts("crowd")) == len(posts)


async def test_one_correlation_id_goes_from_the_post_to_the_outcome_even_through_the_queue(
    chat: RunningChat,
) -> None:
    await chat.model.fault("hang", contains="correlated", times=1)
    posted = await chat.ask(chat.post("correlated"))
    await chat.model.asked("correlated")
    await chat.expire_lease(posted.session_id)
    async with chat.another_worker() as worker:
        await worker.take_waiting()
        await chat.outcome(posted)

    rows = await fetch_all(
        chat.pool,
        "select distinct metadata->>'correlation_id' from events where stream_id = %(id)s",
        {"id": posted.session_id},
    )
    assert len(rows) == 1
    assert rows[0][0]


async def test_a_session_deleted_during_its_turn_stays_deleted(chat: RunningChat) -> None:
    await chat.model.fault("hang", contains="farewell", times=1)
    posted = await chat.ask(chat.post("farewell"))
    await chat.model.asked("farewell")
    with capture_logs() as logs:
        await chat.ask(DeleteSession(user_id=chat.user_id, session_id=posted.session_id))
        await chat.model.heal()
        await eventually(
            lambda: any(
                one["event"] in ("turn_left_to_another", "turn_without_session")
                and one["turn_id"] == str(posted.turn_id)
                for one in logs
            )
        )
    assert (await chat.logged(posted.session_id))[-1] == "session_deleted"
    assert await chat.work(posted.session_id) is None


class Stumbling:
    """Live signals that can't be told."""

    async def tell(self, user_id: UUID, signal: Delta | Typing) -> None:
        raise ArithmeticError(user_id, signal)

    async def ended(
        self, session_id: UUID, turn_id: UUID, events: Sequence[SessionEvent], at: datetime
    ) -> None:
        del session_id, turn_id, events, at

    async def user_types(self, user_id: UUID, session_id: UUID) -> bool:
        raise ArithmeticError(user_id, session_id)


async def test_a_reply_that_we_stumble_over_is_a_failed_turn(chat: RunningChat) -> None:
    """Guards `answer_turn._tell`: no crash, after which the model would be asked again."""
    await chat.model.fault("hang", contains="stumble", times=1)
    posted = await chat.ask(chat.post("stumble"))
    await chat.model.asked("stumble")
    await chat.expire_lease(posted.session_id)
    async with chat.another_worker(live=Stumbling()) as worker:
        await worker.take_waiting()
        failed = await chat.outcome(posted)

    assert failed.failure is not None
    assert (failed.failure.code, failed.failure.retryable) == ("bad_answer", True)
    assert len(await chat.model.prompts("stumble")) == 2
