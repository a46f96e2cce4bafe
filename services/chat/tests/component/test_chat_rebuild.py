"""The log is the truth: read models and snapshots, folded afresh from it, are equal row by row."""

import asyncio
from typing import Any

import psycopg
import pytest

from lingxi_chassis.ids import new_id
from lingxi_chassis.postgres import fetch_all
from lingxi_chat.domain.session import NEW, Session, evolve
from lingxi_chat.projections import messages, sessions
from lingxi_contracts.chat import (
    EVENTS,
    DeleteSession,
    ReadMessages,
    RenameSession,
    RetryTurn,
    StartSession,
)
from services.chat.tests.component.harness import RunningChat

pytestmark = pytest.mark.asyncio(loop_scope="module")

PARTS = (messages, sessions)
TABLES = {"messages": "session_id, seq", "sessions": "session_id"}


async def a_bit_of_everything(chat: RunningChat) -> None:
    """Sessions with answers in bubbles, bursts, failures, retries, marks, titles, deletions."""
    await chat.model.fault("raw", contains="bubbles", content="a\n<next>\nb")
    await chat.model.fault("hang", contains="first", seconds=0.1, times=2)
    said = await chat.say("bubbles")
    burst = await chat.ask(chat.post("first", said.session_id))
    await asyncio.gather(*(chat.ask(chat.post(f"then {n}", said.session_id)) for n in range(3)))
    await chat.outcome(burst)
    await chat.ask(RenameSession(user_id=chat.user_id, session_id=said.session_id, title="T"))
    await chat.ask(ReadMessages(user_id=chat.user_id, session_id=said.session_id, up_to=None))
    await chat.model.fault("status", contains="fails", status=401)
    failed = await chat.say("fails", said.session_id)
    await chat.model.heal()
    await chat.ask(RetryTurn(user_id=chat.user_id, session_id=failed.session_id, turn_id=new_id()))
    await chat.outcome(failed)
    await chat.model.fault("status", contains="stays failed", status=401)
    await chat.say("stays failed")
    deleted = await chat.say("deleted")
    await chat.ask(DeleteSession(user_id=chat.user_id, session_id=deleted.session_id))
    await chat.ask(StartSession(user_id=chat.user_id, session_id=new_id(), agent_id=None))


async def test_read_models_are_equal_when_folded_afresh(chat: RunningChat) -> None:
    await a_bit_of_everything(chat)

    kept = await rows(chat, "public")
    assert len(kept["messages"]) > 12
    assert len(kept["sessions"]) == 3
    async with await psycopg.AsyncConnection.connect(chat.settings.database_url) as connection:
        await connection.execute("create schema afresh")
        await connection.execute("set local search_path to afresh, public")
        for statement in (one for part in PARTS for one in part.CREATE):
            await connection.execute(statement.encode())
        for projection in (one for part in PARTS for one in part.PROJECTIONS):
            await connection.execute(
                f"""
                with logged as (
                    select position, event_id, stream_id, version, type, user_id, occurred_at, data
                    from events order by position
                ), appended as (select stream_id, user_id, version, state from streams)
                {projection.sql}
                """.encode()
            )
        await connection.commit()
    assert await rows(chat, "afresh") == kept


async def rows(chat: RunningChat, schema: str) -> dict[str, list[tuple[Any, ...]]]:
    return {
        table: [
            tuple(row)
            for row in await fetch_all(
                chat.pool, f"select * from {schema}.{table} order by {key}", {}
            )
        ]
        for table, key in TABLES.items()
    }


async def test_snapshots_are_what_the_log_says(chat: RunningChat) -> None:
    await a_bit_of_everything(chat)

    logged = await fetch_all(
        chat.pool,
        "select stream_id, version, type, data, occurred_at from events"
        " order by stream_id, version",
        {},
    )
    folded: dict[Any, tuple[int, Session | None]] = {}
    for stream_id, version, tag, data, occurred_at in logged:
        before, state = folded.get(stream_id, (0, NEW))
        assert version == before + 1
        event: Any = EVENTS[tag].model_validate(data)
        erased = tag == "session_deleted.v1"
        folded[stream_id] = (version, None if erased else evolve(state or NEW, event, occurred_at))
    snapshots = await fetch_all(
        chat.pool, "select stream_id, version, state::text from streams", {}
    )
    assert {
        stream_id: (version, state and sessions.SESSION.validate_json(state))
        for stream_id, version, state in snapshots
    } == folded
    assert len(folded) >= 4
