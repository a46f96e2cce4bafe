"""Healing on request, and how far a relay is behind, on real servers."""

from collections.abc import AsyncIterator

import psycopg
import pytest
from nats.aio.client import Client

from libs.chassis.tests.listening import STREAM, holds_the_log, published, relaying
from libs.chassis.tests.shelf import AT, OWNER, ShelfLog, ThingPut, new_shelf
from lingxi_chassis.bus import connect
from lingxi_chassis.fillings import FILLING_SEQS
from lingxi_chassis.postgres import Pool
from lingxi_chassis.relay import healing
from lingxi_chassis.relay.healing import ask_to_heal
from lingxi_chassis.relay.lag import Lag, relay_lag
from lingxi_contracts.errors import Unavailable
from tests.fixtures.waiting import eventually

EVENTS = 7
COUNTED_MAX = 5


@pytest.fixture
async def nats(nats_url: str) -> AsyncIterator[Client]:
    async with connect(nats_url, OWNER) as client:
        yield client


async def write(shelves: ShelfLog, count: int) -> None:
    """Append `count` events to a new shelf in one go."""
    await shelves.append(new_shelf(shelves), [ThingPut(name=str(n)) for n in range(count)], AT)


async def test_the_active_relay_heals_and_the_standby_keeps_out(
    shelves: ShelfLog, log_url: str, nats: Client, nats_url: str
) -> None:
    """Guards `Healing.active`: one of two replicas purges, and what was lost is there again."""
    async with relaying(log_url, nats) as active, connect(nats_url, OWNER) as other:
        await write(shelves, EVENTS)
        await eventually(lambda: active.published == EVENTS)
        async with relaying(log_url, other) as standby:
            await eventually(lambda: standby.trouble is None)
            assert await nats.jetstream().delete_msg(STREAM, 3)
            assert await ask_to_heal(nats, OWNER) == FILLING_SEQS - 1
            await holds_the_log(nats, log_url)
            assert len(await published(nats)) == EVENTS
            assert standby.published == 0
            assert (await nats.jetstream().stream_info(STREAM)).state.first_seq == FILLING_SEQS


async def test_a_relay_goes_on_after_healing(shelves: ShelfLog, log_url: str, nats: Client) -> None:
    """Guards that a wish is granted once: later rounds publish instead of purging again."""
    async with relaying(log_url, nats) as relay:
        await write(shelves, EVENTS)
        await eventually(lambda: relay.published == EVENTS)
        assert await ask_to_heal(nats, OWNER) == FILLING_SEQS - 1
        await write(shelves, 1)
        relay.wake()
        await holds_the_log(nats, log_url)
        assert (await nats.jetstream().stream_info(STREAM)).state.first_seq == FILLING_SEQS


async def test_without_a_relay_nobody_claims_to_have_healed(
    nats: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guards the answer of whoever asks: unavailable, not done."""
    monkeypatch.setattr(healing, "HEAL_SECONDS_MAX", 0.2)
    with pytest.raises(Unavailable):
        await ask_to_heal(nats, OWNER)


async def test_lag_counts_what_the_stream_does_not_hold(
    shelves: ShelfLog, log_pool: Pool, log_url: str, nats: Client
) -> None:
    """Guards the figure: bounded, right before the stream exists, and not fooled by a checkpoint
    that lags behind the stream."""
    js = nats.jetstream()
    assert await relay_lag(log_pool, js, OWNER, COUNTED_MAX) == Lag(0, None)
    await write(shelves, EVENTS)
    before = await relay_lag(log_pool, js, OWNER, COUNTED_MAX)
    assert before.events == COUNTED_MAX
    assert before.seconds is not None
    async with relaying(log_url, nats) as relay:
        await eventually(lambda: relay.published == EVENTS)
    async with await psycopg.AsyncConnection.connect(log_url) as connection:
        await connection.execute(
            "update relay_checkpoint set (stream_seq, xid, position) ="
            " (select 2, xid, position from events order by xid, position offset 1 limit 1)"
        )
    assert await relay_lag(log_pool, js, OWNER, COUNTED_MAX) == Lag(0, None)
    await write(shelves, 2)
    assert (await relay_lag(log_pool, js, OWNER, COUNTED_MAX)).events == 2
