"""An erased user begins nothing any more: two transactions interleaved, both ways."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from uuid import UUID

import psycopg
import pytest

from libs.chassis.tests.erasure.erasing import burn, create_erasure_tables, filled
from libs.chassis.tests.shelf import AT, ShelfLog, ThingPut, new_shelf
from libs.chassis.tests.test_eventlog_order import within
from lingxi_chassis.erasure import ERASED_USER_CONSTRAINT, erase_user, is_erased
from lingxi_chassis.erasure.schema import USER_LOCK
from lingxi_chassis.ids import new_id
from lingxi_chassis.postgres import Pool, fetch_one
from lingxi_contracts.errors import SessionNotFound
from tests.fixtures.waiting import eventually

THING = ThingPut(name="thing")
ERASE = (
    f"select pg_advisory_xact_lock({USER_LOCK}, hashtext(%(user)s::uuid::text))",
    "insert into erased_users (user_id) values (%(user)s)",
)


@pytest.fixture
def erasable(log_url: str, shelves: ShelfLog) -> ShelfLog:
    create_erasure_tables(log_url)
    return replace(shelves, taken={ERASED_USER_CONSTRAINT: SessionNotFound})


@pytest.fixture
async def transaction(log_url: str) -> AsyncIterator[psycopg.AsyncConnection]:
    """A transaction that the test ends."""
    async with await psycopg.AsyncConnection.connect(log_url) as connection:
        yield connection


async def somebody_waits(pool: Pool) -> bool:
    """For an advisory lock."""
    sql = "select 1 from pg_locks where locktype = 'advisory' and not granted and objsubid = 2"
    return await fetch_one(pool, sql, {}) is not None


async def streams_of(pool: Pool, user_id: UUID) -> int:
    row = await fetch_one(
        pool, "select count(*) from streams where user_id = %(user_id)s", {"user_id": user_id}
    )
    assert row is not None
    return int(row[0])


async def test_a_stream_that_is_being_begun_is_erased_too(
    erasable: ShelfLog, log_pool: Pool, transaction: psycopg.AsyncConnection
) -> None:
    """Guards the exclusive lock: erasure waits for the creation under way and finds its stream."""
    user_id = new_id()
    deleted: list[UUID] = []

    async def delete(stream_id: UUID) -> None:
        deleted.append(stream_id)

    shelf = await within(erasable, transaction).append(new_shelf(erasable, user_id), [THING], AT)
    erasing = asyncio.create_task(erase_user(log_pool, user_id, delete))
    await eventually(lambda: somebody_waits(log_pool))
    assert not await is_erased(log_pool, user_id)
    await transaction.commit()
    assert await erasing == 1
    assert deleted == [shelf.stream_id]


async def test_a_stream_begun_during_the_erasure_is_refused(
    erasable: ShelfLog, log_pool: Pool, transaction: psycopg.AsyncConnection
) -> None:
    """Guards the trigger: the creation waits for the erasure and then sees it."""
    user_id = new_id()
    for statement in ERASE:
        await transaction.execute(statement.encode(), {"user": user_id})
    creating = asyncio.create_task(erasable.append(new_shelf(erasable, user_id), [THING], AT))
    await eventually(lambda: somebody_waits(log_pool))
    await transaction.commit()
    with pytest.raises(SessionNotFound):
        await creating
    assert await streams_of(log_pool, user_id) == 0


async def test_a_check_in_the_statement_itself_would_miss_it(
    erasable: ShelfLog, log_pool: Pool, transaction: psycopg.AsyncConnection
) -> None:
    """Shows why it is a trigger: the statement's snapshot is older than the lock it takes."""
    user_id = new_id()
    for statement in ERASE:
        await transaction.execute(statement.encode(), {"user": user_id})
    naive = f"""
        with locked as materialized (
            select pg_advisory_xact_lock_shared({USER_LOCK}, hashtext(%(user)s::uuid::text))
        )
        select count(erased.user_id) from locked
        left join erased_users erased on erased.user_id = %(user)s
    """
    looking = asyncio.create_task(fetch_one(log_pool, naive, {"user": user_id}))
    await eventually(lambda: somebody_waits(log_pool))
    await transaction.commit()
    assert await looking == (0,)
    assert await is_erased(log_pool, user_id)


async def test_an_erased_user_begins_nothing_and_others_do(
    erasable: ShelfLog, log_pool: Pool
) -> None:
    """Guards late commands: whatever comes for the user afterwards is refused, for good."""
    shelf = await filled(erasable, "thing")
    other = await filled(erasable, "other")
    deleted: list[UUID] = []

    async def delete(stream_id: UUID) -> None:
        deleted.append(stream_id)
        await burn(erasable, shelf)

    assert await erase_user(log_pool, shelf.user_id, delete) == 1
    assert await erase_user(log_pool, shelf.user_id, delete) == 0
    assert deleted == [shelf.stream_id]
    with pytest.raises(SessionNotFound):
        await erasable.append(new_shelf(erasable, shelf.user_id), [THING], AT)
    assert (await erasable.append(other, [THING], AT)).version == 4
    assert (await erasable.append(new_shelf(erasable, other.user_id), [THING], AT)).version == 1


async def test_creations_of_one_user_do_not_wait_for_each_other(
    erasable: ShelfLog, transaction: psycopg.AsyncConnection
) -> None:
    """Guards the shared lock: only an erasure is in the way."""
    user_id = new_id()
    await within(erasable, transaction).append(new_shelf(erasable, user_id), [THING], AT)
    async with asyncio.timeout(5):
        assert (await erasable.append(new_shelf(erasable, user_id), [THING], AT)).version == 1
