"""Consumers on a real server: what becomes of each delivered event."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from uuid import UUID

import pytest
from nats.js.errors import NotFoundError
from psycopg.errors import ReadOnlySqlTransaction, TransactionTimeout
from pydantic import BaseModel
from structlog.testing import capture_logs

from libs.chassis.tests.clerk import QUICK, Publisher, Seen, letters, replica, settled
from lingxi_chassis.bus import connect
from lingxi_chassis.clock import monotonic
from lingxi_chassis.consumers import HandlerLimits, Permanent, Subscriptions, Together, pull
from lingxi_chassis.consumers.durable import Durable
from lingxi_chassis.consumers.pull import BATCH_SECONDS, BUSY_EVENTS, BUSY_SECONDS
from lingxi_chassis.context import current_metadata
from lingxi_chassis.ids import new_id
from lingxi_contracts.envelope import Envelope
from lingxi_contracts.errors import SessionNotFound, Unavailable
from tests.fixtures.waiting import eventually


async def test_events_are_handled_once_and_acknowledged(shop: Publisher, nats_url: str) -> None:
    """Guards the plain path: all events, nothing left pending, the cause and correlation known."""
    metadata: list[dict[str, str]] = []
    seen = Seen(lambda _: metadata.append(current_metadata()))
    await shop.publish(20)
    async with replica(nats_url, seen):
        await eventually(lambda: len(seen.ids) == 20)
        await settled(shop)
    assert sorted(seen.ids) == sorted(shop.published)
    assert {row["correlation_id"] for row in metadata} == {"correlation"}
    assert {row["causation_id"] for row in metadata} == {str(i) for i in shop.published}


async def test_one_event_alone_is_not_held_back(shop: Publisher, nats_url: str) -> None:
    """Guards latency: an event that finds the pull waiting is handled at once, not at its end."""
    seen = Seen()
    waits: list[float] = []

    async def pulling() -> bool:
        try:
            info = await shop.js.consumer_info("SHOP_EVENTS", "clerk-count")
        except NotFoundError:
            return False
        return bool(info.num_waiting)

    async with replica(nats_url, seen):
        for number in range(3):
            await eventually(pulling)
            began = monotonic()
            await shop.publish()
            await eventually(lambda number=number: len(seen.ids) == number + 1)
            waits.append(seen.at[number] - began)
    assert min(waits) < 0.5  # who is held back waits two seconds


async def test_a_batch_is_handled_together_and_judged_one_by_one(
    shop: Publisher, nats_url: str
) -> None:
    """Guards batches: every event once, and one that is put off comes again alone."""
    sizes: list[int] = []
    outcomes: Counter[UUID] = Counter()

    async def handle_all(events: Sequence[Envelope]) -> None:
        sizes.append(len(events))
        for event in events:
            tried.update([event.id])
            if event.id == shop.published[70] and tried[event.id] < 3:
                raise Unavailable  # with its batch, and then alone
        outcomes.update(event.id for event in events)

    tried: Counter[UUID] = Counter()
    await shop.publish(100)
    limits = HandlerLimits(workers=64, batch_events=64, ack_wait_seconds=5.0)
    async with replica(nats_url, Together(handle_all), limits):
        await eventually(lambda: len(outcomes) == 100)
        await settled(shop)
        alone = await shop.publish()
        await eventually(lambda: alone.id in outcomes)
    assert outcomes == Counter(shop.published)
    assert max(sizes) > 10
    assert tried[shop.published[70]] == 3
    assert await letters(shop) == []


async def test_after_a_large_batch_the_next_is_gathered_for_longer(
    shop: Publisher, nats_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards `pull.BUSY_SECONDS`: who hears much is woken seldom, and after a pause soon again."""
    sizes: list[int] = []

    async def handle_all(events: Sequence[Envelope]) -> None:
        sizes.append(len(events))

    monkeypatch.setattr(pull, "REST_SECONDS", 5.0)  # all of it, on however busy a machine
    await shop.publish(BUSY_EVENTS + 1)
    async with replica(nats_url, Together(handle_all), HandlerLimits(batch_events=1_024)):
        await eventually(lambda: sizes == [BUSY_EVENTS + 1])
        monkeypatch.undo()
        await shop.publish()
        await asyncio.sleep(2 * BATCH_SECONDS)
        await shop.publish()
        await eventually(lambda: sizes[1:] == [2])
        waits: list[float] = []
        for number in range(3):
            began = monotonic()
            await shop.publish()
            await eventually(lambda number=number: sizes[2:] == [1] * (number + 1))
            waits.append(monotonic() - began)
    assert min(waits) < BUSY_SECONDS / 2


async def test_a_full_batch_is_followed_at_once(
    shop: Publisher, nats_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards `_gather_seconds`: a backlog is not waited on, it is there."""
    at: list[float] = []

    async def handle_all(events: Sequence[Envelope]) -> None:
        at.extend([monotonic()] * len(events))

    monkeypatch.setattr(pull, "REST_SECONDS", 5.0)
    batch = BUSY_EVENTS + 1
    await shop.publish(5 * batch)
    async with replica(nats_url, Together(handle_all), HandlerLimits(batch_events=batch)):
        await eventually(lambda: len(at) == 5 * batch)
    assert at[-1] - at[0] < 4 * BUSY_SECONDS  # what it takes if each of the four is waited for


async def test_a_part_that_is_away_is_waited_for_with_growing_pauses(
    shop: Publisher, nats_url: str
) -> None:
    """Guards the nack with delay: not at once, later each time, and in the end handled."""

    def away_at_first(_: Envelope) -> None:
        if len(seen.ids) < 4:
            raise Unavailable

    seen = Seen(away_at_first)
    await shop.publish()
    async with replica(nats_url, seen):
        await eventually(lambda: len(seen.ids) == 4)
        await settled(shop)
    pauses = [later - earlier for earlier, later in pairwise(seen.at)]
    assert pauses[0] >= 0.125
    assert pauses[1] >= 0.25
    assert pauses[2] >= 0.5
    assert await letters(shop) == []


@pytest.mark.parametrize("away", [Unavailable, TransactionTimeout, ReadOnlySqlTransaction])
async def test_a_long_outage_makes_no_dead_letter(
    shop: Publisher, nats_url: str, monkeypatch: pytest.MonkeyPatch, away: type[Exception]
) -> None:
    """Guards 'without end': more attempts than any bound on deliveries, and still handled."""
    monkeypatch.setattr("lingxi_chassis.consumers.handling.DELAY_SECONDS_MAX", 0.02)

    def away_for_long(_: Envelope) -> None:
        if len(seen.ids) < 40:
            raise away

    seen = Seen(away_for_long)
    await shop.publish()
    async with replica(nats_url, seen):
        await eventually(lambda: len(seen.ids) == 40)
        await settled(shop)
    assert await letters(shop) == []


async def test_a_refusal_is_an_answer(shop: Publisher, nats_url: str) -> None:
    """Guards late commands: a refused event is acknowledged, not tried again."""

    def refuse(_: Envelope) -> None:
        raise SessionNotFound

    seen = Seen(refuse)
    await shop.publish(3)
    async with replica(nats_url, seen):
        await eventually(lambda: len(seen.ids) == 3)
        await settled(shop)
    assert len(seen.ids) == 3
    assert await letters(shop) == []


async def test_erased_and_unknown_events_are_skipped(shop: Publisher, nats_url: str) -> None:
    """Guards erasure and growth: neither reaches the handler, neither stays pending."""
    seen = Seen()
    await shop.publish(data=None)
    await shop.publish(tag="thing_bought.v1")
    last = await shop.publish()
    async with replica(nats_url, seen):
        await eventually(lambda: len(seen.ids) == 1)
        await settled(shop)
    assert seen.ids == [last.id]


async def test_the_eighth_unexpected_exception_is_a_dead_letter(
    shop: Publisher, nats_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards the bound of retries, and that a letter holds a reference and no content."""
    monkeypatch.setattr("lingxi_chassis.consumers.handling.DELAY_SECONDS_MAX", 0.02)

    def fail(event: Envelope) -> None:
        raise KeyError(str(event.data))

    seen = Seen(fail)
    event = await shop.publish()
    # A traceback takes a while to be written: nothing else is to deliver it again.
    async with replica(nats_url, seen, HandlerLimits(ack_wait_seconds=60.0)):
        await eventually(lambda: len(seen.ids) == 8, 60)
        await settled(shop)
    assert len(seen.ids) == 8
    [(subject, letter)] = await letters(shop)
    assert subject == f"dead.clerk.count.{event.userid}.{event.id}"
    assert letter == {
        "owner": "shop",
        "stream": "SHOP_EVENTS",
        "stream_seq": 1,
        "type": "thing_sold.v1",
        "error": "KeyError",
        "deliveries": 8,
    }


async def test_what_cannot_be_read_is_a_dead_letter_at_once(shop: Publisher, nats_url: str) -> None:
    """Guards permanent errors: no retry for what cannot become better."""
    user = new_id()
    await shop.js.publish(f"shop.event.thing_sold.{user}.x", b"not JSON")

    class Shape(BaseModel):
        price: int

    seen = Seen(lambda event: Shape.model_validate(event.data))
    unfit = await shop.publish()
    async with replica(nats_url, seen):
        await eventually(lambda: len(seen.ids) == 1)
        await settled(shop)
    assert seen.ids == [unfit.id]
    by_error = {letter["error"]: (subject, letter) for subject, letter in await letters(shop)}
    assert by_error.keys() == {"Unreadable", "ValidationError"}
    assert by_error["Unreadable"][0].startswith(f"dead.clerk.count.{user}.")
    assert by_error["Unreadable"][1]["type"] is None
    assert by_error["ValidationError"][1]["deliveries"] == 1


async def test_what_a_handler_gives_up_is_a_dead_letter_at_once(
    shop: Publisher, nats_url: str
) -> None:
    """Guards what costs money to try: a handler that knows says so, and is not asked again."""

    def give_up(_: Envelope) -> None:
        raise Permanent("sold_out")

    seen = Seen(give_up)
    event = await shop.publish()
    with capture_logs() as logs:
        async with replica(nats_url, seen):
            await eventually(lambda: len(seen.ids) == 1)
            await settled(shop)
    [(_, letter)] = await letters(shop)
    assert (letter["error"], letter["deliveries"], len(seen.ids)) == ("sold_out", 1, 1)
    [line] = [line for line in logs if line["event"] == "event_dead"]
    assert (line["error"], line["event_id"]) == ("sold_out", str(event.id))


async def test_an_event_that_kills_the_process_is_not_handled_for_ever(
    shop: Publisher, nats_url: str
) -> None:
    """Guards the 20th delivery: it is a dead letter before anything handles it."""
    event = await shop.publish()
    durable = Durable("clerk", "shop", ["thing_sold"], "count", QUICK)
    await durable.ensure(shop.js)
    pull = await shop.js.pull_subscribe_bind(durable=durable.name, stream=durable.stream)
    for _ in range(19):  # as processes that die do: fetched, never acknowledged
        [message] = await pull.fetch(1, timeout=5)
        await message.nak()
    await pull.unsubscribe()
    seen = Seen()
    async with replica(nats_url, seen):
        await settled(shop)
    assert seen.ids == []
    [(subject, letter)] = await letters(shop)
    assert subject == f"dead.clerk.count.{event.userid}.{event.id}"
    assert (letter["error"], letter["deliveries"]) == ("TooManyDeliveries", 20)


async def test_a_handler_that_hangs_is_cut_off(shop: Publisher, nats_url: str) -> None:
    """Guards the bound of one handling: it counts as a part that is away."""

    async def hang_once(_: Envelope) -> None:
        if len(seen.ids) == 1:
            await asyncio.Event().wait()

    seen = Seen(hang_once)
    await shop.publish()
    async with replica(nats_url, seen, HandlerLimits(handle_seconds_max=0.2)):
        await eventually(lambda: len(seen.ids) == 2)
        await settled(shop)


async def test_what_a_handler_left_is_taken_off(shop: Publisher, nats_url: str) -> None:
    """Guards `off`: no events wait for a handler that was switched off, and it may come again."""
    seen = Seen()
    await shop.publish(2)
    async with replica(nats_url, seen):
        await eventually(lambda: len(seen.ids) == 2)
        await settled(shop)
    for _ in range(2):  # the second time there is nothing to take off
        async with connect(nats_url, "clerk") as nats:
            without = Subscriptions("clerk", nats, lambda: None)
            without.off("shop", "count")
            async with without:
                assert await without.trouble() is None
        with pytest.raises(NotFoundError):
            await shop.js.consumer_info("SHOP_EVENTS", "clerk-count")
    async with replica(nats_url, seen):
        await eventually(lambda: len(seen.ids) == 4)
